package identity

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/counterfoil/counterfoil/pkg/pat"
)

// A refusal spoils one thing of a JWT that is good otherwise. Most name why it
// is refused, so that it is not refused for something else.
type refusal struct {
	base func() *draft
	edit func(*draft)
	// forge changes the signed JWT.
	forge func(jwt string) string
	// verifier changes the configuration.
	verifier func(*Verifier)
	why      string
	// fetches: only a JWT that gets as far as its key may make us ask for it.
	fetches bool
}

var refusals = map[string]refusal{
	// Shape.
	"nothing is no JWT":                             {forge: func(string) string { return "" }, why: "three parts"},
	"two dots are no JWT":                           {forge: func(string) string { return ".." }, why: "not base64url"},
	"a mebibyte of junk is no JWT":                  {forge: func(string) string { return strings.Repeat("a", 1<<20) }, why: "too long"},
	"a mebibyte of dots is no JWT":                  {forge: func(string) string { return strings.Repeat(".", 1<<20) }, why: "too long"},
	"16 KiB of dots are no JWT":                     {forge: func(string) string { return strings.Repeat(".", maxJWT) }, why: "three parts"},
	"a JWT of more than 16 KiB is refused":          {base: session, edit: func(d *draft) { d.set("x", strings.Repeat("x", maxJWT)) }, why: "too long"},
	"a JWT with its signature cut off is refused":   {base: session, forge: func(s string) string { return s[:strings.LastIndex(s, ".")+1] }, why: "not base64url"},
	"a JWT without its signature part is refused":   {base: session, forge: func(s string) string { return s[:strings.LastIndex(s, ".")] }, why: "three parts"},
	"a detached payload is refused":                 {base: session, forge: func(s string) string { p := strings.Split(s, "."); return p[0] + ".." + p[2] }, why: "not base64url"},
	"a JWE of five parts is refused":                {base: session, forge: func(s string) string { return s + ".AAAA.AAAA" }, why: "three parts"},
	"a dot at the end is refused":                   {base: session, forge: func(s string) string { return s + "." }, why: "three parts"},
	"a dot at the beginning is refused":             {base: session, forge: func(s string) string { return "." + s }, why: "three parts"},
	"a line end at the end is refused":              {base: session, forge: func(s string) string { return s + "\n" }, why: "not base64url"},
	"a line end in the middle is refused":           {base: session, forge: func(s string) string { return s[:20] + "\r\n" + s[20:] }, why: "not base64url"},
	"a space in front is refused":                   {base: session, forge: func(s string) string { return " " + s }, why: "not base64url"},
	"a NUL at the end is refused":                   {base: session, forge: func(s string) string { return s + "\x00" }, why: "not base64url"},
	"a NUL in the middle is refused":                {base: session, forge: func(s string) string { return s[:20] + "\x00" + s[20:] }, why: "not base64url"},
	"padding is refused":                            {base: session, forge: func(s string) string { return s + "==" }, why: "not base64url"},
	"the other base64 alphabet is refused":          {base: session, forge: otherAlphabet, why: "not base64url"},
	"a second spelling of the signature is refused": {base: session, forge: looseBits, why: "not base64url"},
	"two JWTs are refused":                          {base: session, forge: func(s string) string { return s + "," + s }, why: "three parts"},
	"the JSON serialization is refused": {base: session, forge: func(s string) string {
		p := strings.Split(s, ".")
		return `{"protected":"` + p[0] + `","payload":"` + p[1] + `","signature":"` + p[2] + `"}`
	}, why: "three parts"},

	// Header.
	"alg none without a signature is refused":                         {base: session, edit: func(d *draft) { d.header["alg"] = "none" }, forge: func(s string) string { return s[:strings.LastIndex(s, ".")+1] }, why: "not base64url"},
	"alg none with some signature is refused":                         {base: session, edit: func(d *draft) { d.header["alg"] = "none" }, why: "algorithm"},
	"alg nOnE is refused":                                             {base: session, edit: func(d *draft) { d.header["alg"] = "nOnE" }, why: "algorithm"},
	"alg es256 in small letters is refused":                           {base: session, edit: func(d *draft) { d.header["alg"] = "es256" }, why: "algorithm"},
	"an algorithm that nobody knows is refused":                       {base: session, edit: func(d *draft) { d.header["alg"] = "EVIL256" }, why: "algorithm"},
	"alg HS256 with our public key as the secret is refused":          {base: exchanged, edit: func(d *draft) { d.header["alg"] = "HS256" }, forge: withHMAC(func() signer { return ourRS() }), why: "algorithm"},
	"alg HS256 with the issuer's public key as the secret is refused": {base: session, edit: func(d *draft) { d.header["alg"] = "HS256" }, forge: withHMAC(func() signer { return peopleRS() }), why: "algorithm"},
	"alg RS512 is refused":                                            {base: session, edit: func(d *draft) { d.signedBy(peopleRS()).header["alg"] = "RS512" }, why: "algorithm"},
	"alg PS256 is refused":                                            {base: session, edit: func(d *draft) { d.signedBy(peopleRS()).header["alg"] = "PS256" }, why: "algorithm"},
	"alg EdDSA is refused":                                            {base: session, edit: func(d *draft) { d.header["alg"] = "EdDSA" }, why: "algorithm"},
	"a missing alg is refused":                                        {base: session, edit: func(d *draft) { delete(d.header, "alg") }, why: "alg is missing"},
	"an alg that is a list is refused":                                {base: session, edit: func(d *draft) { d.header["alg"] = []string{"ES256"} }, why: "alg is missing"},
	"alg RS256 with an EC key's kid is refused":                       {base: session, edit: func(d *draft) { d.signedBy(peopleRS()).header["kid"] = peopleES().id }, why: "another algorithm", fetches: true},
	"alg ES256 with an RSA key's kid is refused":                      {base: session, edit: func(d *draft) { d.header["kid"] = peopleRS().id }, why: "another algorithm", fetches: true},
	"alg RS256 with an EC key of ours is refused":                     {base: exchanged, edit: func(d *draft) { d.signedBy(ourRS()).header["kid"] = ourES().id }, why: "another algorithm"},
	"alg ES256 with an RSA key of ours is refused":                    {base: exchanged, edit: func(d *draft) { d.header["kid"] = ourRS().id }, why: "another algorithm"},
	"a missing kid is refused":                                        {base: session, edit: func(d *draft) { delete(d.header, "kid") }, why: "kid is missing"},
	"a missing kid is refused of ours too":                            {base: exchanged, edit: func(d *draft) { delete(d.header, "kid") }, why: "kid is missing"},
	"an empty kid is refused":                                         {base: session, edit: func(d *draft) { d.header["kid"] = "" }, why: "kid is missing"},
	"a kid that is a number is refused":                               {base: session, edit: func(d *draft) { d.header["kid"] = 1 }, why: "kid is missing"},
	"an unknown kid is refused":                                       {base: session, edit: func(d *draft) { d.header["kid"] = "EVIL" }, why: "none of the issuer's keys", fetches: true},
	"an unknown kid of ours is refused":                               {base: exchanged, edit: func(d *draft) { d.header["kid"] = "EVIL" }, why: "none of our keys"},
	"jku is refused":                                                  {base: session, edit: func(d *draft) { d.header["jku"] = "https://EVIL.example/keys" }, why: "holds jku"},
	"a jwk in the header is refused": {base: session, edit: func(d *draft) {
		d.signedBy(strangers()).header["jwk"] = strangers().jwk()
	}, why: "holds jwk"},
	"a jwk in the header is refused of ours too": {base: exchanged, edit: func(d *draft) {
		d.signedBy(strangers()).header["jwk"] = strangers().jwk()
	}, why: "holds jwk"},
	"x5u is refused":                     {base: session, edit: func(d *draft) { d.header["x5u"] = "https://EVIL.example" }, why: "holds x5u"},
	"x5c is refused":                     {base: session, edit: func(d *draft) { d.header["x5c"] = []string{"AAAA"} }, why: "holds x5c"},
	"crit is refused":                    {base: session, edit: func(d *draft) { d.header["crit"] = []string{"exp"}; d.header["exp"] = 1 }, why: "holds crit"},
	"an empty crit is refused":           {base: session, edit: func(d *draft) { d.header["crit"] = []string{} }, why: "holds crit"},
	"b64 is refused":                     {base: session, edit: func(d *draft) { d.header["b64"] = false }, why: "holds b64"},
	"a nested JWT is refused":            {base: session, edit: func(d *draft) { d.header["cty"] = "JWT" }, why: "holds cty"},
	"a compressed payload is refused":    {base: session, edit: func(d *draft) { d.header["zip"] = "DEF" }, why: "holds zip"},
	"enc is refused":                     {base: session, edit: func(d *draft) { d.header["enc"] = "A256GCM" }, why: "holds enc"},
	"a header with alg twice is refused": {base: session, edit: func(d *draft) { d.rawHeader = []byte(`{"alg":"none","alg":"ES256","kid":"people-es"}`) }, why: "header is no JSON"},
	"a header with kid twice is refused": {base: session, edit: func(d *draft) { d.rawHeader = []byte(`{"alg":"ES256","kid":"x","kid":"people-es"}`) }, why: "header is no JSON"},
	"a header with an escaped alg beside the plain one is refused": {base: session, edit: func(d *draft) { d.rawHeader = []byte(`{"alg":"ES256","\u0061lg":"none","kid":"people-es"}`) }, why: "header is no JSON"},
	"a header with ALG in capitals has none":                       {base: session, edit: func(d *draft) { d.rawHeader = []byte(`{"ALG":"ES256","kid":"people-es"}`) }, why: "alg is missing"},
	"a header that is a list is refused":                           {base: session, edit: func(d *draft) { d.rawHeader = []byte(`["alg","ES256"]`) }, why: "header is no JSON"},
	"a header that is null is refused":                             {base: session, edit: func(d *draft) { d.rawHeader = []byte(`null`) }, why: "header is no JSON"},
	"a header with something after it is refused":                  {base: session, edit: func(d *draft) { d.rawHeader = []byte(`{"alg":"ES256","kid":"people-es"}x`) }, why: "header is no JSON"},
	"a header with invalid UTF-8 is refused":                       {base: session, edit: func(d *draft) { d.rawHeader = []byte("{\"alg\":\"ES256\",\"kid\":\"people-es\xff\"}") }, why: "header is no JSON"},

	// Payload.
	"a payload with sub twice is refused":             {base: session, edit: func(d *draft) { d.rawClaims = d.inserted(`"sub":"root"`) }, why: "payload is no JSON"},
	"a payload with exp twice is refused":             {base: session, edit: func(d *draft) { d.rawClaims = d.inserted(`"exp":9999999999`) }, why: "payload is no JSON"},
	"a payload with sub twice is refused of ours too": {base: exchanged, edit: func(d *draft) { d.rawClaims = d.inserted(`"sub":"root"`) }, why: "payload is no JSON"},
	"a name twice deep inside is refused":             {base: session, edit: func(d *draft) { d.set("x", json.RawMessage(`{"y":[{"a":1,"a":2}]}`)) }, why: "payload is no JSON"},
	"a payload that is a list is refused":             {base: session, edit: func(d *draft) { d.rawClaims = []byte(`[]`) }, why: "payload is no JSON"},
	"a payload that is null is refused":               {base: session, edit: func(d *draft) { d.rawClaims = []byte(`null`) }, why: "payload is no JSON"},
	"a payload of text is refused":                    {base: session, edit: func(d *draft) { d.rawClaims = []byte(`EVIL`) }, why: "payload is no JSON"},
	"a payload nested 8000 deep is refused":           {base: session, edit: func(d *draft) { d.rawClaims = []byte(strings.Repeat("[", 8000)) }, why: "payload is no JSON"},
	"a payload with a byte order mark is refused":     {base: session, edit: func(d *draft) { d.rawClaims = append([]byte("\ufeff"), d.inserted(`"x":1`)...) }, why: "payload is no JSON"},
	"a payload with something after it is refused":    {base: session, edit: func(d *draft) { d.rawClaims = append(d.inserted(`"x":1`), "{}"...) }, why: "payload is no JSON"},
	"a payload with invalid UTF-8 is refused":         {base: session, edit: func(d *draft) { d.rawClaims = d.inserted("\"x\":\"\xff\"") }, why: "payload is no JSON"},
	"a payload with half a surrogate is refused":      {base: session, edit: func(d *draft) { d.rawClaims = d.inserted(`"x":"\ud800"`) }, why: "payload is no JSON"},
	"a payload with NaN is refused":                   {base: session, edit: func(d *draft) { delete(d.claims, "exp"); d.rawClaims = d.inserted(`"exp":NaN`) }, why: "payload is no JSON"},
	"a payload with a comma too many is refused":      {base: session, edit: func(d *draft) { d.rawClaims = d.inserted(`"x":1,`) }, why: "payload is no JSON"},

	// Issuer and keys.
	"a missing iss is refused":                                       {base: session, edit: func(d *draft) { delete(d.claims, "iss") }, why: "iss is missing"},
	"an iss that is a list is refused":                               {base: session, edit: func(d *draft) { d.set("iss", []string{peopleIssuer}) }, why: "iss is missing"},
	"another issuer is refused":                                      {base: session, edit: func(d *draft) { d.set("iss", "https://EVIL.example") }, why: "neither our own"},
	"the issuer with a slash more is another":                        {base: session, edit: func(d *draft) { d.set("iss", peopleIssuer+"/") }, why: "neither our own"},
	"the issuer in capitals is another":                              {base: session, edit: func(d *draft) { d.set("iss", strings.ToUpper(peopleIssuer)) }, why: "neither our own"},
	"a session signed by a stranger is refused":                      {base: session, edit: func(d *draft) { d.key = strangers() }, why: "signature", fetches: true},
	"a JWT of ours signed by a stranger is refused":                  {base: exchanged, edit: func(d *draft) { d.key = strangers() }, why: "signature"},
	"our JWT signed by the people's issuer is refused":               {base: exchanged, edit: func(d *draft) { d.signedBy(peopleES()) }, why: "none of our keys"},
	"our JWT signed by the people's issuer under our kid is refused": {base: exchanged, edit: func(d *draft) { d.key = peopleES() }, why: "signature"},
	"a session signed by us is refused":                              {base: session, edit: func(d *draft) { d.signedBy(ourES()) }, why: "none of the issuer's keys", fetches: true},
	"a session signed by us under the issuer's kid is refused":       {base: session, edit: func(d *draft) { d.key = ourES() }, why: "signature", fetches: true},
	"a session that names us as its issuer is refused":               {base: session, edit: func(d *draft) { d.set("iss", ownIssuer) }, why: "typ is not at+jwt"},
	"an at+jwt session that names us as its issuer is refused":       {base: session, edit: func(d *draft) { d.set("iss", ownIssuer).header["typ"] = "at+jwt" }, why: "jti is missing"},
	"our JWT that names the people's issuer is refused":              {base: exchanged, edit: func(d *draft) { d.set("iss", peopleIssuer) }, why: "not one of our clients"},
	"a changed payload is refused":                                   {base: session, forge: changePayload, why: "signature", fetches: true},
	"a changed payload is refused of ours too":                       {base: exchanged, forge: changePayload, why: "signature"},
	"the signature of another JWT is refused": {base: session, forge: func(s string) string {
		other := session().set("sub", "bob").mint()
		return s[:strings.LastIndex(s, ".")] + other[strings.LastIndex(other, "."):]
	}, why: "signature", fetches: true},
	"an ECDSA signature in DER is refused":               {base: session, forge: inDER, why: "signature", fetches: true},
	"an ECDSA signature of zeros is refused":             {base: session, forge: zeroSignature, why: "signature", fetches: true},
	"an ECDSA signature of zeros is refused of ours too": {base: exchanged, forge: zeroSignature, why: "signature"},

	// Audience.
	"a session for another audience is refused":                       {base: session, edit: func(d *draft) { d.set("aud", "https://other.example") }, why: "another audience"},
	"a session for two others is refused":                             {base: session, edit: func(d *draft) { d.set("aud", []string{"a", "b"}) }, why: "another audience"},
	"a session for nobody is refused":                                 {base: session, edit: func(d *draft) { d.set("aud", []string{}) }, why: "another audience"},
	"an audience that begins like ours is another":                    {base: session, edit: func(d *draft) { d.set("aud", ownIssuer+"/") }, why: "another audience"},
	"ours and another in one string is another":                       {base: session, edit: func(d *draft) { d.set("aud", ownIssuer+" x") }, why: "another audience"},
	"an audience that is a number is refused":                         {base: session, edit: func(d *draft) { d.set("aud", 1) }, why: "aud is missing"},
	"an audience of null is refused":                                  {base: session, edit: func(d *draft) { d.set("aud", nil) }, why: "aud is missing"},
	"an audience with a number in it is refused":                      {base: session, edit: func(d *draft) { d.set("aud", []any{ownIssuer, 1}) }, why: "aud is missing"},
	"an audience with null in it is refused":                          {base: session, edit: func(d *draft) { d.set("aud", []any{ownIssuer, nil}) }, why: "aud is missing"},
	"an audience that is an object is refused":                        {base: session, edit: func(d *draft) { d.set("aud", map[string]any{ownIssuer: 1}) }, why: "aud is missing"},
	"a session without an audience is refused":                        {base: session, edit: func(d *draft) { delete(d.claims, "aud") }, why: "aud is missing"},
	"a Cognito session for another audience is refused":               {base: cognito, edit: func(d *draft) { d.set("aud", "https://other.example") }, why: "another audience"},
	"a Cognito session whose audience is null is refused":             {base: cognito, edit: func(d *draft) { d.set("aud", nil) }, why: "aud is missing"},
	"a JWT of ours for another audience is refused":                   {base: exchanged, edit: func(d *draft) { d.set("aud", "urn:counterfoil:elsewhere") }, why: "another audience"},
	"a JWT of ours without an audience is refused":                    {base: exchanged, edit: func(d *draft) { delete(d.claims, "aud") }, why: "aud is missing"},
	"a JWT of ours without an audience but with token_use is refused": {base: exchanged, edit: func(d *draft) { delete(d.claims, "aud"); d.set("token_use", "access") }, why: "aud is missing"},
	"a JWT of ours for us is refused at another API":                  {base: exchanged, verifier: func(v *Verifier) { v.Audience = "urn:api" }, why: "another audience"},

	// ID tokens.
	"Cognito's ID token is refused":                          {base: cognito, edit: func(d *draft) { d.set("token_use", "id").set("aud", ownIssuer) }, why: "token_use"},
	"token_use in capitals is refused":                       {base: cognito, edit: func(d *draft) { d.set("token_use", "ACCESS") }, why: "token_use"},
	"token_use that is a list is refused":                    {base: cognito, edit: func(d *draft) { d.set("token_use", []string{"access"}) }, why: "token_use"},
	"token_use of null is refused":                           {base: session, edit: func(d *draft) { d.set("token_use", nil) }, why: "token_use"},
	"Keycloak's ID token is refused":                         {base: session, edit: func(d *draft) { d.set("typ", "ID") }, why: "claim typ"},
	"Keycloak's ID token is refused in small letters too":    {base: session, edit: func(d *draft) { d.set("typ", "id") }, why: "claim typ"},
	"a claim typ that is a list is refused":                  {base: session, edit: func(d *draft) { d.set("typ", []string{"Bearer"}) }, why: "claim typ"},
	"an ID token with a nonce is refused":                    {base: session, edit: func(d *draft) { d.set("nonce", "n") }, why: "holds nonce"},
	"an ID token with a nonce of null is refused":            {base: session, edit: func(d *draft) { d.set("nonce", nil) }, why: "holds nonce"},
	"an ID token with at_hash is refused":                    {base: session, edit: func(d *draft) { d.set("at_hash", "h") }, why: "holds at_hash"},
	"an ID token with c_hash is refused":                     {base: session, edit: func(d *draft) { d.set("c_hash", "h") }, why: "holds c_hash"},
	"an ID token that says it is an access token is refused": {base: cognito, edit: func(d *draft) { d.set("nonce", "n") }, why: "holds nonce"},
	"an ID token for its client is refused":                  {base: session, edit: func(d *draft) { d.set("aud", console); delete(d.claims, "client_id"); d.set("azp", console) }, why: "another audience"},
	"an ID token of a client called as the audience is refused": {base: session, edit: func(d *draft) { d.set("client_id", ownIssuer) },
		verifier: func(v *Verifier) { v.Clients, v.AnyClient = nil, true }, why: "client is the audience"},

	// Type.
	"a logout token is refused":                {base: session, edit: func(d *draft) { d.header["typ"] = "logout+jwt" }, why: "typ is not"},
	"a DPoP proof is refused":                  {base: session, edit: func(d *draft) { d.header["typ"] = "dpop+jwt" }, why: "typ is not"},
	"a header typ of ID is refused":            {base: session, edit: func(d *draft) { d.header["typ"] = "ID" }, why: "typ is not"},
	"a header typ that is a number is refused": {base: session, edit: func(d *draft) { d.header["typ"] = 1 }, why: "typ is missing"},
	"a header typ of null is refused":          {base: session, edit: func(d *draft) { d.header["typ"] = nil }, why: "typ is missing"},
	"a JWT of ours of typ JWT is refused":      {base: exchanged, edit: func(d *draft) { d.header["typ"] = "JWT" }, why: "typ is not"},
	"a JWT of ours without typ is refused":     {base: exchanged, edit: func(d *draft) { delete(d.header, "typ") }, why: "typ is not"},
	"a JWT of ours for AWS is refused":         {base: exchanged, edit: func(d *draft) { d.header["typ"] = "JWT"; d.set("aud", "sts.amazonaws.com") }, why: "typ is not"},

	// Client.
	"a session of another client is refused":         {base: session, edit: func(d *draft) { d.set("client_id", "EVIL") }, why: "not one of our clients"},
	"a Cognito session of another client is refused": {base: cognito, edit: func(d *draft) { d.set("client_id", "EVIL") }, why: "not one of our clients"},
	"a session without a client is refused":          {base: session, edit: func(d *draft) { delete(d.claims, "client_id") }, why: "azp is missing"},
	"a session without a client is refused on a laptop too": {base: session, edit: func(d *draft) { delete(d.claims, "client_id") },
		verifier: func(v *Verifier) { v.Clients, v.AnyClient = nil, true }, why: "azp is missing"},
	"a client_id of null is not made up for by azp":    {base: session, edit: func(d *draft) { d.set("client_id", nil).set("azp", console) }, why: "client_id is missing"},
	"another client's session with our azp is refused": {base: session, edit: func(d *draft) { d.set("client_id", "EVIL").set("azp", console) }, why: "not one of our clients"},
	"an empty client_id is refused":                    {base: session, edit: func(d *draft) { d.set("client_id", "") }, why: "client_id is missing"},

	// Times.
	"a session that expired a second ago is refused":    {base: session, edit: func(d *draft) { d.set("exp", now.Unix()-1) }, why: "expired"},
	"a session that expires now is refused":             {base: session, edit: func(d *draft) { d.set("exp", now.Unix()) }, why: "expired"},
	"a JWT of ours that expires now is refused":         {base: exchanged, edit: func(d *draft) { d.set("exp", now.Unix()) }, why: "expired"},
	"a session without exp is refused":                  {base: session, edit: func(d *draft) { delete(d.claims, "exp") }, why: "exp is missing"},
	"a JWT of ours without exp is refused":              {base: exchanged, edit: func(d *draft) { delete(d.claims, "exp") }, why: "exp is missing"},
	"an exp of null is refused":                         {base: session, edit: func(d *draft) { d.set("exp", nil) }, why: "exp is missing"},
	"an exp that is a string is refused":                {base: session, edit: func(d *draft) { d.set("exp", "9999999999") }, why: "exp is missing"},
	"an exp that is a list is refused":                  {base: session, edit: func(d *draft) { d.set("exp", []int{9999999999}) }, why: "exp is missing"},
	"a negative exp is refused":                         {base: session, edit: func(d *draft) { d.set("exp", -1) }, why: "exp is missing"},
	"an exp of 1e300 is refused":                        {base: session, edit: func(d *draft) { d.set("exp", json.RawMessage("1e300")) }, why: "exp is missing"},
	"an exp of 1e400, which is infinite, is refused":    {base: session, edit: func(d *draft) { d.set("exp", json.RawMessage("1e400")) }, why: "exp is missing"},
	"an exp that overflows is refused":                  {base: session, edit: func(d *draft) { d.set("exp", json.RawMessage("9223372036854775808")) }, why: "exp is missing"},
	"an exp in milliseconds is refused":                 {base: session, edit: func(d *draft) { d.set("exp", (now.Unix()+60)*1000) }, why: "exp is missing"},
	"an iat of 61 seconds ahead is refused":             {base: session, edit: func(d *draft) { d.set("iat", now.Unix()+61) }, why: "issued in the future"},
	"an iat of 60.5 seconds ahead is refused":           {base: session, edit: func(d *draft) { d.set("iat", float64(now.Unix())+60.5) }, why: "issued in the future"},
	"an iat of 61 seconds ahead is refused of ours too": {base: exchanged, edit: func(d *draft) { d.set("iat", now.Unix()+61) }, why: "issued in the future"},
	"a session without iat is refused":                  {base: session, edit: func(d *draft) { delete(d.claims, "iat") }, why: "iat is missing"},
	"an iat that is a string is refused":                {base: session, edit: func(d *draft) { d.set("iat", "1") }, why: "iat is missing"},
	"an nbf of 61 seconds ahead is refused":             {base: session, edit: func(d *draft) { d.set("nbf", now.Unix()+61) }, why: "not valid yet"},
	"an nbf of 61 seconds ahead is refused of ours too": {base: exchanged, edit: func(d *draft) { d.set("nbf", now.Unix()+61) }, why: "not valid yet"},
	"an nbf of null is refused":                         {base: session, edit: func(d *draft) { d.set("nbf", nil) }, why: "nbf is missing"},
	"an auth_time that is a string is refused":          {base: session, edit: func(d *draft) { d.set("auth_time", "1") }, why: "auth_time is missing"},
	"an auth_time of null is refused":                   {base: session, edit: func(d *draft) { d.set("auth_time", nil) }, why: "auth_time is missing"},

	// Subject.
	"a session without sub is refused":              {base: session, edit: func(d *draft) { delete(d.claims, "sub") }, why: "sub is missing"},
	"an empty sub is refused":                       {base: session, edit: func(d *draft) { d.set("sub", "") }, why: "sub is missing"},
	"a sub of null is refused":                      {base: session, edit: func(d *draft) { d.set("sub", nil) }, why: "sub is missing"},
	"a sub that is a number is refused":             {base: session, edit: func(d *draft) { d.set("sub", 7) }, why: "sub is missing"},
	"a sub of 256 characters is refused, never cut": {base: session, edit: func(d *draft) { d.set("sub", strings.Repeat("s", 256)) }, why: "sub is too long"},
	"a sub with a NUL is refused":                   {base: session, edit: func(d *draft) { d.set("sub", "alice\x00root") }, why: "control characters"},
	"a sub with a line end is refused":              {base: session, edit: func(d *draft) { d.set("sub", "alice\n") }, why: "control characters"},
	"a JWT of ours without sub is refused":          {base: exchanged, edit: func(d *draft) { delete(d.claims, "sub") }, why: "sub is missing"},
	"a JWT of ours with a sub too long is refused":  {base: exchanged, edit: func(d *draft) { d.set("sub", strings.Repeat("s", 256)) }, why: "sub is too long"},

	// Groups.
	"groups that are a number are refused":        {base: session, edit: func(d *draft) { d.set("groups", 1) }, why: "groups is missing"},
	"groups that are an object are refused":       {base: session, edit: func(d *draft) { d.set("groups", map[string]any{"admins": true}) }, why: "groups is missing"},
	"groups of null are refused":                  {base: session, edit: func(d *draft) { d.set("groups", nil) }, why: "groups is missing"},
	"groups with a number among them are refused": {base: session, edit: func(d *draft) { d.set("groups", []any{"users", 1}) }, why: "groups is missing"},
	"groups with null among them are refused":     {base: session, edit: func(d *draft) { d.set("groups", []any{"users", nil}) }, why: "groups is missing"},
	"groups with a list among them are refused":   {base: session, edit: func(d *draft) { d.set("groups", []any{[]string{"admins"}}) }, why: "groups is missing"},
	"1001 groups are refused":                     {base: session, edit: func(d *draft) { d.set("groups", slices.Repeat([]string{"g"}, 1001)) }, why: "too many groups"},

	// What only our own JWTs hold.
	"a JWT of ours without jti is refused":             {base: exchanged, edit: func(d *draft) { delete(d.claims, "jti") }, why: "jti is missing"},
	"a JWT of ours without client_id is refused":       {base: exchanged, edit: func(d *draft) { delete(d.claims, "client_id") }, why: "client_id is missing"},
	"a JWT of ours without scope is refused":           {base: exchanged, edit: func(d *draft) { delete(d.claims, "scope") }, why: "scope is missing"},
	"a scope that is a list is refused":                {base: exchanged, edit: func(d *draft) { d.set("scope", []string{"notes:read"}) }, why: "scope is missing"},
	"a scope with two spaces is refused":               {base: exchanged, edit: func(d *draft) { d.set("scope", "a  b") }, why: "no list of scope names"},
	"a scope with a space at the end is refused":       {base: exchanged, edit: func(d *draft) { d.set("scope", "a ") }, why: "no list of scope names"},
	"a scope with a line end is refused":               {base: exchanged, edit: func(d *draft) { d.set("scope", "a\n") }, why: "no list of scope names"},
	"a scope in capitals is refused":                   {base: exchanged, edit: func(d *draft) { d.set("scope", "ADMIN") }, why: "no list of scope names"},
	"a pat that is no token id is refused":             {base: exchanged, edit: func(d *draft) { d.set("pat", "EVIL/../xx") }, why: "pat is no token id"},
	"a pat that is too short is refused":               {base: exchanged, edit: func(d *draft) { d.set("pat", tokenID[1:]) }, why: "pat is no token id"},
	"an empty pat is refused":                          {base: exchanged, edit: func(d *draft) { d.set("pat", "") }, why: "pat is missing"},
	"a pat of null is refused":                         {base: exchanged, edit: func(d *draft) { d.set("pat", nil) }, why: "pat is missing"},
	"a pat without gen is refused":                     {base: exchanged, edit: func(d *draft) { delete(d.claims, "gen") }, why: "gen is missing"},
	"a gen without pat is refused":                     {base: exchanged, edit: func(d *draft) { delete(d.claims, "pat") }, why: "pat is missing"},
	"a gen of zero is refused":                         {base: exchanged, edit: func(d *draft) { d.set("gen", 0) }, why: "gen is missing"},
	"a negative gen is refused":                        {base: exchanged, edit: func(d *draft) { d.set("gen", -1) }, why: "gen is missing"},
	"a gen with a fraction is refused":                 {base: exchanged, edit: func(d *draft) { d.set("gen", 1.5) }, why: "gen is missing"},
	"a gen with an exponent is refused":                {base: exchanged, edit: func(d *draft) { d.set("gen", json.RawMessage("1e0")) }, why: "gen is missing"},
	"a gen that overflows is refused":                  {base: exchanged, edit: func(d *draft) { d.set("gen", json.RawMessage("9223372036854775808")) }, why: "gen is missing"},
	"a gen that is a string is refused":                {base: exchanged, edit: func(d *draft) { d.set("gen", "1") }, why: "gen is missing"},
	"an actor that says more than we write is refused": {base: exchanged, edit: func(d *draft) { d.set("act", map[string]any{"sub": "bob", "act": map[string]any{"sub": "eve"}}) }, why: "more than we write"},
	"an actor without a sub is refused":                {base: exchanged, edit: func(d *draft) { d.set("act", map[string]any{"pat": tokenID, "gen": 1}) }, why: "sub"},
	"an actor of half a token is refused":              {base: exchanged, edit: func(d *draft) { d.set("act", map[string]any{"sub": "bob", "pat": tokenID}) }, why: "gen"},
	"an actor whose token is no id is refused":         {base: exchanged, edit: func(d *draft) { d.set("act", map[string]any{"sub": "bob", "pat": "x", "gen": 1}) }, why: "no token id"},
	"an actor that is a text is refused":               {base: exchanged, edit: func(d *draft) { d.set("act", "bob") }, why: "no object"},
	"a JWT of ours whose actor is null is refused":     {base: exchanged, edit: func(d *draft) { d.set("act", nil) }, why: "no object"},
}

func TestVerifyRefuses(t *testing.T) {
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			v, people, _ := newVerifier(t)
			if c.verifier != nil {
				c.verifier(v)
				if err := v.Check(); err != nil {
					t.Fatal(err)
				}
			}
			jwt := c.jwt()
			claims, err := verify(v, jwt)
			want(t, err, pat.ErrUnauthorized, c.why)
			if !reflect.DeepEqual(claims, pat.Claims{}) {
				t.Error("claims come with the refusal")
			}
			if quotes(err.Error(), jwt) {
				t.Error("the error quotes the JWT")
			}
			calls := 0
			if c.fetches {
				calls = 2 // discovery and key set
			}
			if n := people.count(); n != calls {
				t.Errorf("%d calls to the issuer, want %d", n, calls)
			}
		})
	}
}

func (c refusal) jwt() string {
	if c.base == nil {
		c.base = session
	}
	d := c.base()
	if c.edit != nil {
		c.edit(d)
	}
	jwt := d.mint()
	if c.forge != nil {
		jwt = c.forge(jwt)
	}
	return jwt
}

// Without keys nothing of ours is good, whatever it says.
func TestVerifyRefusesOurJWTWithoutKeys(t *testing.T) {
	v, _, _ := newVerifier(t)
	jwt := exchanged().mint()
	for name, keys := range map[string][]pat.Key{
		"no keys at all":                  nil,
		"a key that is a secret":          {{ID: ourES().id, Algorithm: "ES256", Public: []byte("secret")}},
		"a key that is missing":           {{ID: ourES().id, Algorithm: "ES256"}},
		"another key of the same kid":     {{ID: ourES().id, Algorithm: "ES256", Public: strangers().private.Public()}},
		"a key said to be for RS256":      {{ID: ourES().id, Algorithm: "RS256", Public: ourES().private.Public()}},
		"a key without an algorithm":      {{ID: ourES().id, Public: ourES().private.Public()}},
		"an RSA key said to be for ES256": {{ID: ourES().id, Algorithm: "ES256", Public: ourRS().private.Public()}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := v.Verify(t.Context(), pat.NewSecret(jwt), pat.Expectation{Key: among(keys...)})
			want(t, err, pat.ErrUnauthorized, "")
		})
	}
}

// Where nobody can tell which keys are ours, nothing is said of the JWT; and one
// that would be refused anyway makes nobody ask.
func TestVerifyCannotTellWithoutOurKeys(t *testing.T) {
	v, _, _ := newVerifier(t)
	asked := 0
	expect := pat.Expectation{Key: func(context.Context, string) (pat.Key, error) {
		asked++
		return pat.Key{}, pat.ErrUnavailable
	}}
	_, err := v.Verify(t.Context(), pat.NewSecret(exchanged().mint()), expect)
	if !errors.Is(err, pat.ErrUnavailable) || errors.Is(err, pat.ErrUnauthorized) || asked != 1 {
		t.Errorf("got %v, asked %d times", err, asked)
	}
	_, err = v.Verify(t.Context(), pat.NewSecret(exchanged().set("aud", "urn:other").mint()), expect)
	want(t, err, pat.ErrUnauthorized, "")
	if asked != 1 {
		t.Error("the key of a JWT for others was looked for")
	}
}

func otherAlphabet(jwt string) string {
	// A payload whose base64 has a character beyond the 62 that both share.
	p := strings.Split(jwt, ".")
	return p[0] + "." + base64.RawStdEncoding.EncodeToString([]byte(`{"a":"???>>>"}`)) + "." + p[2]
}

// looseBits changes bits of the last character that stand for nothing: a
// lenient decoder reads the same signature.
func looseBits(jwt string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(jwt) - 1
	return jwt[:last] + string(alphabet[strings.IndexByte(alphabet, jwt[last])^1])
}

func withHMAC(key func() signer) func(string) string {
	return func(jwt string) string {
		der := must(x509.MarshalPKIXPublicKey(key().private.Public()))
		secret := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		input := jwt[:strings.LastIndex(jwt, ".")]
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(input))
		return input + "." + b64(mac.Sum(nil))
	}
}

func changePayload(jwt string) string {
	p := strings.Split(jwt, ".")
	payload := must(base64.RawURLEncoding.DecodeString(p[1]))
	return p[0] + "." + b64([]byte(strings.Replace(string(payload), `"alice"`, `"root"`, 1))) + "." + p[2]
}

func inDER(jwt string) string {
	dot := strings.LastIndex(jwt, ".")
	raw := must(base64.RawURLEncoding.DecodeString(jwt[dot+1:]))
	der := must(asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])}))
	return jwt[:dot+1] + b64(der)
}

func zeroSignature(jwt string) string {
	return jwt[:strings.LastIndex(jwt, ".")+1] + b64(make([]byte, 64))
}

// Garbage costs nobody anything: not one call, whatever it is made of.
func TestGarbageMakesNoCall(t *testing.T) {
	v, people, _ := newVerifier(t)
	good := session().mint()
	junk := make([]byte, 64)
	for i := range 2000 {
		rand.Read(junk)
		jwt := b64(junk[:16]) + "." + b64(junk[16:48]) + "." + b64(junk[48:])
		if i%2 == 0 { // a good header, junk as the payload
			jwt = good[:strings.Index(good, ".")] + "." + b64(junk) + "." + b64(junk)
		}
		if _, err := verify(v, jwt); err == nil {
			t.Fatal("junk was good")
		}
	}
	if n := people.count(); n != 0 {
		t.Errorf("%d calls to the issuer", n)
	}
}
