package handler

import (
	"context"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// published lets anybody keep a discovery document for five minutes.
const published = "public, max-age=300"

// wellknown answers the discovery documents.
func (h Handlers) wellknown(ctx context.Context, r request) (answer, error) {
	found, err := h.Tokens.Discover(ctx)
	if err != nil {
		return answer{}, err
	}
	var body any
	switch r.event.Resource {
	case "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server":
		body = metadataOf(found)
	case "/.well-known/jwks.json":
		if body, err = keySetOf(found); err != nil {
			return answer{}, err
		}
	case "/.well-known/oauth-protected-resource":
		body = api.ProtectedResource{
			Resource:             found.Issuer,
			AuthorizationServers: []string{found.PeopleIssuer},
			ScopesSupported:      found.Scopes,
			BearerMethods:        []string{"header"},
			CLIClientID:          h.CLIClientID,
		}
	default:
		return answer{}, fmt.Errorf("%w: no such document", pat.ErrNotFound)
	}
	return answer{status: 200, header: map[string]string{"Cache-Control": published}, body: body}, nil
}

// metadataOf writes what OIDC discovery requires. We have no authorization
// endpoint, but strict parsers want one, so it is named as nobody's.
func metadataOf(d pat.Discovery) api.Metadata {
	return api.Metadata{
		Issuer:                d.Issuer,
		AuthorizationEndpoint: "urn:counterfoil:none",
		TokenEndpoint:         d.Issuer + "/oauth/token",
		JWKSURI:               d.Issuer + "/.well-known/jwks.json",
		ScopesSupported:       d.Scopes,
		ResponseTypes:         []string{"id_token"},
		SubjectTypes:          []string{"public"},
		GrantTypes:            []string{pat.ExchangeGrant},
		SigningAlgorithms:     d.Algorithms,
		TokenEndpointAuth:     []string{"none"},
		IntrospectionEndpoint: d.Issuer + "/oauth/introspect",
		IntrospectionAuth:     []string{"Bearer"},
		RevocationEndpoint:    d.Issuer + "/oauth/revoke",
		RevocationAuth:        []string{"none"},
	}
}

// keySetOf writes the JWK Set (RFC 7517 section 5) that verifiers of our JWTs
// fetch. A key that is not public would be a disaster once; it is an error here.
func keySetOf(d pat.Discovery) (jose.JSONWebKeySet, error) {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, key := range d.Keys {
		jwk := jose.JSONWebKey{Key: key.Public, KeyID: key.ID, Algorithm: key.Algorithm, Use: "sig"}
		if !jwk.Valid() || !jwk.IsPublic() {
			return jose.JSONWebKeySet{}, fmt.Errorf("key %q is none that may be published", key.ID)
		}
		set.Keys = append(set.Keys, jwk)
	}
	return set, nil
}
