package api

import _ "embed"

// OpenAPI is the promise for the world: every route, every answer, and the
// shape of each (OpenAPI 3.0, in which a checker need not quote what it
// refuses). The routes of the example API are in it too, because the local
// server serves them.
//
//go:embed openapi.yaml
var OpenAPI []byte
