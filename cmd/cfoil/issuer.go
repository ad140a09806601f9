package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/client"
)

// An issuer is who signs people in, as its discovery document says (OIDC
// Discovery section 3, RFC 8414).
type issuer struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	DeviceEndpoint        string   `json:"device_authorization_endpoint"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	ScopesSupported       []string `json:"scopes_supported"`
	// NamesItself says that its answers carry iss (RFC 9207).
	NamesItself bool `json:"authorization_response_iss_parameter_supported"`

	clientID string
	// resource is whom the session is for (RFC 8707).
	resource string
}

// findIssuer asks the server who signs people in (RFC 9728), and whom it names
// for its endpoints.
func (a *app) findIssuer(ctx context.Context, server string) (issuer, error) {
	c, err := a.client(server, nil)
	if err != nil {
		return issuer{}, err
	}
	resource, err := c.ProtectedResource(ctx)
	if err != nil {
		return issuer{}, err
	}
	// RFC 9728 section 3.3: else somebody could pass off another's sign-in as theirs.
	if own, err := client.ParseServer(resource.Resource); err != nil || own != server {
		return issuer{}, fail(fmt.Errorf("%s says that it is %s", server, resource.Resource), "sign in to that address")
	}
	if len(resource.AuthorizationServers) == 0 || resource.CLIClientID == "" {
		return issuer{}, fail(errors.New("the server names no sign-in for command lines"), `create a token on its console, and pipe it to "cfoil auth login --with-token"`)
	}
	// A server elsewhere must not send us to what runs on this machine.
	local := strings.HasPrefix(server, "http:")
	if !isEndpoint(resource.AuthorizationServers[0], local) {
		return issuer{}, errors.New("the server names an issuer whose address is not https")
	}
	i, err := a.discover(ctx, resource.AuthorizationServers[0])
	if err != nil {
		return issuer{}, err
	}
	i.clientID, i.resource = resource.CLIClientID, resource.Resource
	for _, endpoint := range []string{i.AuthorizationEndpoint, i.TokenEndpoint, i.DeviceEndpoint, i.RevocationEndpoint} {
		if endpoint != "" && !isEndpoint(endpoint, local) {
			return issuer{}, fmt.Errorf("the issuer %s names an endpoint that is not https", i.Issuer)
		}
	}
	if i.TokenEndpoint == "" {
		return issuer{}, fmt.Errorf("the issuer %s names no token endpoint", i.Issuer)
	}
	return i, nil
}

// isEndpoint reports whether a secret may be sent there.
func isEndpoint(address string, local bool) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return false
	}
	if u.Scheme == "https" {
		return true
	}
	_, err = client.ParseServer("http://" + u.Host)
	return u.Scheme == "http" && local && err == nil
}

// maxDiscovery bounds the document, in bytes.
const maxDiscovery = 1 << 20

func (a *app) discover(ctx context.Context, address string) (issuer, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", strings.TrimSuffix(address, "/")+"/.well-known/openid-configuration", nil)
	if err != nil {
		return issuer{}, err
	}
	resp, err := a.http().Do(req)
	if err != nil {
		return issuer{}, fmt.Errorf("no answer from the issuer: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxDiscovery))
	if err != nil {
		return issuer{}, fmt.Errorf("no answer from the issuer: %w", err)
	}
	var i issuer
	if resp.StatusCode != http.StatusOK || json.Unmarshal(text, &i) != nil {
		return issuer{}, fmt.Errorf("the issuer %s does not say how to sign in (status %d)", address, resp.StatusCode)
	}
	if i.Issuer != address {
		return issuer{}, fmt.Errorf("the issuer %s says that it is %s", address, i.Issuer)
	}
	return i, nil
}

// oauth returns the configuration of a public client. It asks for no OpenID:
// who signed in, the server tells us better.
func (i issuer) oauth() *oauth2.Config {
	c := &oauth2.Config{
		ClientID: i.clientID,
		Endpoint: oauth2.Endpoint{
			AuthURL: i.AuthorizationEndpoint, TokenURL: i.TokenEndpoint, DeviceAuthURL: i.DeviceEndpoint,
			AuthStyle: oauth2.AuthStyleInParams, // finding out would use the code up
		},
	}
	if slices.Contains(i.ScopesSupported, "offline_access") {
		c.Scopes = []string{"offline_access"}
	}
	return c
}

// forUs asks that the session be for the server (RFC 8707).
func (i issuer) forUs() oauth2.AuthCodeOption { return oauth2.SetAuthURLParam("resource", i.resource) }

// checkAudience refuses a session that was not made for the server. It must not
// even be shown to it: whoever runs a server can name somebody else's issuer and
// client, and would be given what opens that one's doors.
func checkAudience(session, server string) error {
	var claims struct {
		Audience api.Audience `json:"aud"`
	}
	parts := strings.Split(session, ".")
	if len(parts) == 3 {
		if payload, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil {
			_ = json.Unmarshal(payload, &claims) // what cannot be read is for nobody
		}
	}
	for _, audience := range claims.Audience {
		if meant, err := client.ParseServer(audience); err == nil && meant == server {
			return nil
		}
	}
	return fail(errors.New("the issuer gave a session that is not for "+server+": it was not shown to it"), "whoever runs the issuer has to put the server's address into aud")
}

func (i issuer) session() session {
	return session{Issuer: i.Issuer, ClientID: i.clientID, TokenEndpoint: i.TokenEndpoint, RevocationEndpoint: i.RevocationEndpoint}
}

// http is for issuers. It follows no redirect, on which a code or a refresh
// token would travel.
func (a *app) http() *http.Client {
	return &http.Client{Timeout: httpTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// withHTTP is how golang.org/x/oauth2 is told which client to use.
func (a *app) withHTTP(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, a.http())
}

// issuerError tells what an issuer refuses. The library's own error would quote
// the whole answer.
func issuerError(what string, err error) error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		var lost *url.Error
		if errors.As(err, &lost) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("the issuer did not %s: %w", what, err)
		}
		return fmt.Errorf("the issuer did not %s: its answer cannot be read", what)
	}
	text := refused.ErrorCode
	if text == "" {
		text = "status " + refused.Response.Status
	}
	if refused.ErrorDescription != "" {
		text += ": " + refused.ErrorDescription
	}
	return fmt.Errorf("the issuer did not %s: %s", what, text)
}

// revokeRefresh tells the issuer that a refresh token is not needed any more
// (RFC 7009), where it takes that.
func (a *app) revokeRefresh(ctx context.Context, s session, refresh client.Secret) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	form := url.Values{"token": {refresh.Reveal()}, "token_type_hint": {"refresh_token"}, "client_id": {s.ClientID}}
	req, err := http.NewRequestWithContext(ctx, "POST", s.RevocationEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := a.http().Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New("it answered " + resp.Status)
	}
	return nil
}
