package handler

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/counterfoil/counterfoil/pkg/api"
	"github.com/counterfoil/counterfoil/pkg/pat"
)

// A Guard is the API that an authorizer's function stands in front of.
type Guard struct {
	// Guest tells that it is somebody else's; see pat.Service.
	Guest  bool
	Routes []api.Route
	// Audience that a JWT must be for.
	Audience string
	Sessions bool // see Authorizer
	Cached   bool // see Authorizer
}

// ReadGuard reads the routes that lie beside the binary, and the environment
// that goes with them. Without such a file the API is our own. An error names
// what is wrong.
func ReadGuard(getenv func(string) string, beside fs.FS) (Guard, error) {
	text, err := fs.ReadFile(beside, api.RoutesFile)
	if errors.Is(err, fs.ErrNotExist) {
		if getenv(api.EnvAudience) != "" {
			return Guard{}, fmt.Errorf("%s is set, but there is no %s beside the binary", api.EnvAudience, api.RoutesFile)
		}
		return Guard{Routes: api.Routes, Audience: getenv(api.EnvIssuer), Sessions: true}, nil
	}
	if err != nil {
		return Guard{}, fmt.Errorf("read %s: %w", api.RoutesFile, err)
	}
	g := Guard{Guest: true, Audience: getenv(api.EnvAudience)}
	if g.Routes, err = api.ParseRoutes(text); err != nil {
		return Guard{}, err
	}
	if g.Audience == "" {
		return Guard{}, fmt.Errorf("%s is not set", api.EnvAudience)
	}
	if g.Sessions, err = strconv.ParseBool(getenv(api.EnvSessions)); err != nil {
		return Guard{}, fmt.Errorf("%s must be true or false", api.EnvSessions)
	}
	if g.Cached, err = strconv.ParseBool(getenv(api.EnvGatewayCache)); err != nil {
		return Guard{}, fmt.Errorf("%s must be true or false", api.EnvGatewayCache)
	}
	return g, nil
}

// BesideBinary is the folder of the running binary.
func BesideBinary() fs.FS {
	file, err := os.Executable()
	if err != nil {
		return os.DirFS(".")
	}
	return os.DirFS(filepath.Dir(file))
}

// Authorizer answers for the guarded API.
func (g Guard) Authorizer(tokens *pat.Service) Authorizer {
	return Authorizer{Tokens: tokens, Routes: g.Routes, Sessions: g.Sessions, Cached: g.Cached}
}
