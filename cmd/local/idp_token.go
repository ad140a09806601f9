package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// The grants of the token endpoint.
const (
	grantCode     = "authorization_code"
	grantPassword = "password"
)

// scriptClient signs in whoever does not say which client they are.
const scriptClient = "local-script"

// idTokenType is the typ of an ID token.
const idTokenType = "JWT"

// sessionLifetime is how long an access token and an ID token live.
const sessionLifetime = 3600 * time.Second

// A tokenResponse is that of RFC 6749 section 5.1 and OIDC Core section 3.1.3.3.
type tokenResponse struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
	Scope       string `json:"scope,omitempty"`
	IDToken     string `json:"id_token,omitempty"`
}

// A tokenError is that of RFC 6749 section 5.2.
type tokenError struct {
	code, description string
}

func (e *tokenError) Error() string { return e.code + ": " + e.description }

// token answers POST /idp/token. Clients have no secret: the code with its
// verifier, or the password, is all there is.
func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	// A browser says where a form comes from. A page from elsewhere could not
	// read the answer, but it could change somebody's groups.
	if origin := r.Header.Get("Origin"); origin != "" && !isLoopback(origin) {
		writeJSON(w, http.StatusForbidden, api.OAuthError{Error: "invalid_request", Description: "only pages of this machine may sign in"})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	response, err := p.redeem(r)
	switch e := err.(type) {
	case nil:
		w.Header().Set("Pragma", "no-cache") // RFC 6749 section 5.1 asks for it
		writeJSON(w, http.StatusOK, response)
	case *tokenError:
		writeJSON(w, http.StatusBadRequest, api.OAuthError{Error: e.code, Description: e.description})
	default:
		writeJSON(w, http.StatusInternalServerError, api.OAuthError{Error: "server_error", Description: "the sign-in could not be kept"})
	}
}

func (p *idp) redeem(r *http.Request) (tokenResponse, error) {
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/x-www-form-urlencoded" {
		return tokenResponse{}, &tokenError{"invalid_request", "the body must be a form"}
	}
	form, err := formOf(r)
	if err != nil {
		return tokenResponse{}, &tokenError{"invalid_request", "the form cannot be read, or a parameter is given twice"}
	}
	switch form.Get("grant_type") {
	case grantCode:
		return p.redeemCode(r.Context(), form)
	case grantPassword:
		return p.redeemPassword(r.Context(), form)
	case "":
		return tokenResponse{}, &tokenError{"invalid_request", "grant_type is missing"}
	}
	return tokenResponse{}, &tokenError{"unsupported_grant_type", "only authorization_code and password"}
}

func (p *idp) redeemCode(ctx context.Context, form url.Values) (tokenResponse, error) {
	for _, name := range []string{"code", "redirect_uri", "client_id", "code_verifier"} {
		if form.Get(name) == "" {
			return tokenResponse{}, &tokenError{"invalid_request", name + " is missing"}
		}
	}
	g, ok := p.codes.take(form.Get("code"), p.now())
	if !ok || g.clientID != form.Get("client_id") || g.redirectURI != form.Get("redirect_uri") || !g.proves(form.Get("code_verifier")) {
		return tokenResponse{}, &tokenError{"invalid_grant", "the code is used up, or of another sign-in"}
	}
	return p.issue(ctx, g)
}

func (p *idp) redeemPassword(ctx context.Context, form url.Values) (tokenResponse, error) {
	who, ok := p.people.find(form.Get("username"))
	if !ok || form.Get("password") != who.Subject {
		return tokenResponse{}, &tokenError{"invalid_grant", "no such person, or another password"}
	}
	if form.Has("groups") {
		if err := p.people.setGroups(who.Subject, groupsOf(form)); err != nil {
			return tokenResponse{}, err
		}
	}
	client := form.Get("client_id")
	if client == "" {
		client = scriptClient
	}
	return p.issue(ctx, grant{signIn: signIn{clientID: client, scopes: scopesOf(form)}, session: session{subject: who.Subject, at: p.now()}})
}

// issue makes an access token, and an ID token where one was asked for.
func (p *idp) issue(ctx context.Context, g grant) (tokenResponse, error) {
	who, issuedAt, ok := p.people.issue(g.subject)
	if !ok {
		return tokenResponse{}, &tokenError{"invalid_grant", "no such person"}
	}
	claims := map[string]any{
		"iss":                p.issuer,
		"sub":                who.Subject,
		"name":               who.Name,
		"preferred_username": who.Subject,
		"groups":             who.Groups,
		"exp":                issuedAt/1000 + int64(sessionLifetime.Seconds()),
		"auth_time":          g.at.Unix(),
	}
	access, err := p.sign(ctx, "at+jwt", claims, map[string]any{
		"iat":       float64(issuedAt) / 1000, // a NumericDate, RFC 7519 section 2
		"aud":       p.audience,
		"client_id": g.clientID,
		"jti":       rand.Text(),
	})
	if err != nil {
		return tokenResponse{}, err
	}
	response := tokenResponse{
		AccessToken: access,
		TokenType:   "Bearer",
		ExpiresIn:   int64(sessionLifetime.Seconds()),
		Scope:       strings.Join(g.scopes, " "),
	}
	if !slices.Contains(g.scopes, "openid") {
		return response, nil
	}
	half := sha256.Sum256([]byte(access))
	own := map[string]any{
		"iat":     issuedAt / 1000,
		"aud":     g.clientID,
		"at_hash": base64.RawURLEncoding.EncodeToString(half[:len(half)/2]), // OIDC Core section 3.1.3.6
	}
	if g.nonce != "" {
		own["nonce"] = g.nonce
	}
	response.IDToken, err = p.sign(ctx, idTokenType, claims, own)
	return response, err
}

// sign makes a JWT of claims that both tokens have and of its own.
func (p *idp) sign(ctx context.Context, typ string, shared, own map[string]any) (string, error) {
	all := maps.Clone(shared)
	maps.Copy(all, own)
	payload, err := json.Marshal(all)
	if err != nil {
		return "", err
	}
	jwt, err := p.key.Sign(ctx, typ, payload)
	if err != nil {
		return "", err
	}
	return jwt.Reveal(), nil
}
