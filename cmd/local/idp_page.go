package main

import (
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
)

//go:embed idp_page.html
var idpPage string

var idpTemplate = template.Must(template.New("idp").Parse(idpPage))

// showPeople lets somebody be picked: one plain form a person, which repeats
// the request. Their groups stand in it, so that they change only by hand. Whoever
// is signed in already is marked.
func (p *idp) showPeople(w http.ResponseWriter, in signIn, form url.Values, here session) {
	request := map[string]string{}
	for name, values := range form {
		if name != "username" && name != "groups" {
			request[name] = values[0]
		}
	}
	showPage(w, http.StatusOK, idpTemplate, formAction(in.redirect), map[string]any{
		"Client":  in.clientID,
		"Action":  idpAuthorize,
		"Request": request,
		"People":  p.people.all(),
		"Here":    here.subject,
	})
}

// showError tells a person what is wrong with a request that must not be
// answered to its redirect_uri.
func (p *idp) showError(w http.ResponseWriter, err error) {
	showPage(w, http.StatusBadRequest, idpTemplate, "'none'", map[string]any{"Error": err.Error()})
}

// formAction names where the form may lead. Browsers hold the redirect that
// answers it to the same rule; a content security policy cannot name an IPv6
// address, so there any http must do.
func formAction(redirect *url.URL) string {
	if redirect.Hostname() == "::1" {
		return "'self' http:"
	}
	return "'self' http://" + redirect.Host
}
