package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

//go:embed idp_logout.html
var logoutPage string

var logoutTemplate = template.Must(template.New("logout").Parse(logoutPage))

// confirmed is what the page's button sends.
const confirmed = "confirmed"

// logout ends what the browser remembers (OpenID Connect RP-Initiated Logout
// 1.0). At once, where the client shows an ID token of whoever is signed in;
// else a person is asked, since any page can send a browser here.
func (p *idp) logout(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	form, err := formOf(r)
	if err != nil {
		p.showError(w, err)
		return
	}
	if r.Method == http.MethodPost && http.NewCrossOriginProtection().Check(r) != nil {
		// A client may send the form from its own page. From another site it
		// comes without the cookie: asked again, by a link, it has it.
		form.Del(confirmed)
		w.Header().Set("Location", idpLogout+"?"+form.Encode())
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	to, err := afterLogout(form)
	if err != nil {
		p.showError(w, err)
		return
	}
	who, signedIn := p.remembered(r)
	asked := r.Method == http.MethodPost && form.Get(confirmed) == "yes"
	if signedIn && !asked && !p.hints(form.Get("id_token_hint"), form.Get("client_id"), who.subject) {
		p.askLogout(w, who, form, to)
		return
	}
	p.forget(w, r)
	if to == nil {
		showPage(w, http.StatusOK, logoutTemplate, "'none'", map[string]any{})
		return
	}
	signIn{redirect: to, state: form.Get("state")}.answer(w, url.Values{})
}

// afterLogout returns where a client wants the browser sent, if anywhere: only
// where codes may go too. Cognito has a name of its own for it.
func afterLogout(form url.Values) (*url.URL, error) {
	address := form.Get("post_logout_redirect_uri")
	if address == "" {
		address = form.Get("logout_uri")
	}
	if address == "" {
		return nil, nil
	}
	to, err := url.Parse(address)
	if err != nil || !isLoopback(address) || strings.Contains(address, "#") {
		return nil, errors.New("post_logout_redirect_uri must be http on localhost, 127.0.0.1 or [::1], without a fragment")
	}
	return to, nil
}

// askLogout shows a page with one button.
func (p *idp) askLogout(w http.ResponseWriter, who session, form url.Values, to *url.URL) {
	request := map[string]string{confirmed: "yes"}
	for _, name := range []string{"post_logout_redirect_uri", "logout_uri", "state"} {
		if form.Get(name) != "" {
			request[name] = form.Get(name)
		}
	}
	action := "'self'"
	if to != nil {
		action = formAction(to)
	}
	person, _ := p.people.find(who.subject)
	showPage(w, http.StatusOK, logoutTemplate, action, map[string]any{"Name": person.Name, "Action": idpLogout, "Request": request})
}

// hints reports whether a client shows an ID token that we issued, to it where
// it says who it is, about the subject. It may have expired: it is no credential
// here, it only shows that the client signed that person in.
func (p *idp) hints(idToken, client, subject string) bool {
	jws, err := jose.ParseSignedCompact(idToken, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(idpSigningAlg)})
	if err != nil || len(jws.Signatures) != 1 || jws.Signatures[0].Protected.ExtraHeaders[jose.HeaderType] != idTokenType {
		return false
	}
	for _, key := range p.key.Keys() {
		if key.ID != jws.Signatures[0].Protected.KeyID {
			continue
		}
		payload, err := jws.Verify(key.Public)
		if err != nil {
			return false
		}
		var claims struct {
			Issuer   string `json:"iss"`
			Subject  string `json:"sub"`
			Audience string `json:"aud"`
		}
		return json.Unmarshal(payload, &claims) == nil && claims.Issuer == p.issuer && claims.Subject == subject &&
			(client == "" || claims.Audience == client)
	}
	return false
}
