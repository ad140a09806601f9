package main

import (
	"crypto/rand"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// A call is one request, taken whole.
type call struct {
	id     string // of the request, everywhere
	at     time.Time
	from   netip.Addr // of the connection: nobody asks X-Forwarded-For
	method string
	path   string // as it was written
	query  string // as it was written
	proto  string
	host   string
	header http.Header
	body   []byte
}

// newCall takes everything of a request but its body.
func newCall(r *http.Request, at time.Time) call {
	c := call{
		id:     rand.Text(),
		at:     at,
		method: r.Method,
		path:   pathOf(r),
		query:  r.URL.RawQuery,
		proto:  r.Proto,
		host:   r.Host,
		header: r.Header,
	}
	if from, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		c.from = from.Addr().Unmap()
	}
	return c
}

// pathOf returns a path as it was written: net/url spells some characters anew.
func pathOf(r *http.Request) string {
	if !strings.HasPrefix(r.RequestURI, "/") {
		return r.URL.EscapedPath()
	}
	path, _, _ := strings.Cut(r.RequestURI, "?")
	return path
}

// headerSize is what API Gateway limits: the request line and all header values.
func headerSize(r *http.Request) int {
	size := len(r.Method) + len(r.RequestURI) + len(r.Proto) + len(r.Host)
	for _, values := range r.Header {
		for _, value := range values {
			size += len(value)
		}
	}
	return size
}

// drained is how much of a body that is too large is still read, so that a
// client which writes all before it reads gets to see the answer.
const drained = 64 << 20

// readBody reads the body to its end before anything is decided, as API
// Gateway does.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, api.MaxGatewayBody+1))
	if err != nil {
		return nil, refusal{kind: "BAD_REQUEST_BODY"}
	}
	if len(body) > api.MaxGatewayBody {
		io.CopyN(io.Discard, r.Body, drained)
		return nil, refusal{kind: "REQUEST_TOO_LARGE"}
	}
	return body, nil
}
