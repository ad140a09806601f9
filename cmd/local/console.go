package main

import (
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"regexp"
	"strings"

	"github.com/counterfoil/counterfoil/pkg/api"
)

// A console serves the console's files, as CloudFront does on AWS: the same
// headers, the same pages. There it has an address of its own; here it shares one
// with the API.
type console struct {
	origin string
	folder string // what the build wrote: index.html, assets/
}

// consoleClient is the console's client id at the sign-in.
const consoleClient = "counterfoil-console"

// before answers for the console and hands all other requests on. Some pages
// have the path of a route: theirs is what a browser asks for when somebody goes
// there, and that never carries a credential.
func (c console) before(next http.Handler) http.Handler {
	pages := regexp.MustCompile(api.ConsolePagePattern)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := pathOf(r)
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			next.ServeHTTP(w, r)
		case at == "/", pages.MatchString(at) && isNavigation(r):
			c.page(w, r)
		case at == api.ConsoleConfigPath:
			c.config(w)
		default:
			if !c.file(w, r, at) {
				next.ServeHTTP(w, r)
			}
		}
	})
}

// isNavigation reports whether a browser asks for a page to show.
func isNavigation(r *http.Request) bool {
	if r.Header["Authorization"] != nil {
		return false
	}
	for kind := range strings.SplitSeq(strings.Join(r.Header["Accept"], ","), ",") {
		if mediaType, _, err := mime.ParseMediaType(kind); err == nil && mediaType == "text/html" {
			return true
		}
	}
	return false
}

//go:embed console_page.html
var notBuiltPage string

var notBuiltTemplate = template.Must(template.New("console").Parse(notBuiltPage))

// page answers with index.html, whatever the page.
func (c console) page(w http.ResponseWriter, r *http.Request) {
	// Who came by another of our names would call the API across origins, which
	// the API allows to one alone.
	if isNavigation(r) && strings.HasPrefix(strings.ToLower(r.Host), "localhost") {
		c.head(w, r.URL.Path)
		w.Header().Set("Location", c.origin+r.URL.RequestURI())
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	}
	w.Header().Set("Vary", "Accept, Authorization")
	if !c.send(w, r, "index.html") {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Request-Id", rand.Text())
		showPage(w, http.StatusServiceUnavailable, notBuiltTemplate, "'none'", map[string]any{})
	}
}

// config answers with what the console has to know.
func (c console) config(w http.ResponseWriter) {
	text, err := json.Marshal(api.ConsoleConfig{API: c.origin, Issuer: c.origin + idpPath, ClientID: consoleClient})
	if err != nil {
		panic(err) // three strings
	}
	c.head(w, api.ConsoleConfigPath)
	w.Header().Set("Content-Type", "application/json")
	w.Write(text)
}

// contentTypes are those of the files that the build writes. There is nothing
// else to be had.
var contentTypes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".html":  "text/html; charset=utf-8",
	".ico":   "image/x-icon",
	".js":    "text/javascript; charset=utf-8",
	".json":  "application/json",
	".png":   "image/png",
	".svg":   "image/svg+xml",
	".txt":   "text/plain; charset=utf-8",
	".woff2": "font/woff2",
}

// filePattern matches the path of a file, as it is written: nothing in it is
// decoded, no part of it begins with a dot.
var filePattern = regexp.MustCompile(`^(?:/[0-9A-Za-z_-][0-9A-Za-z._-]*)+$`)

// file answers with a file of the build, if there is one of that path. A page is
// known by its own path alone.
func (c console) file(w http.ResponseWriter, r *http.Request, at string) bool {
	return filePattern.MatchString(at) && path.Ext(at) != ".html" && c.send(w, r, at[1:])
}

// send writes a file of the folder, if it is there. The folder is opened anew
// each time: a build may replace it.
func (c console) send(w http.ResponseWriter, r *http.Request, name string) bool {
	contentType, ok := contentTypes[path.Ext(name)]
	if !ok || !fs.ValidPath(name) {
		return false
	}
	folder, err := os.OpenRoot(c.folder) // no link leads out of it
	if err != nil {
		return false
	}
	defer folder.Close()
	file, err := folder.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	c.head(w, "/"+name)
	w.Header().Set("Content-Type", contentType)
	http.ServeContent(w, r, name, info.ModTime(), file)
	return true
}

// head sets what every answer of the console carries.
func (c console) head(w http.ResponseWriter, at string) {
	header := w.Header()
	for name, value := range api.ConsoleHeaders(c.origin) {
		header.Set(name, value)
	}
	header.Set("Cache-Control", api.ConsoleCacheControl(at))
	header.Set("X-Request-Id", rand.Text())
}
