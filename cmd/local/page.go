package main

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
)

//go:embed style.css
var style string

// styleHash lets our one style sheet through the content security policy.
var styleHash = func() string {
	sum := sha256.Sum256([]byte(style))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

// showPage writes a page that runs no script, loads nothing but its icon, can be framed by
// nobody and sends its forms where formAction says.
func showPage(w http.ResponseWriter, status int, page *template.Template, formAction string, data map[string]any) {
	data["Style"] = template.CSS(style)
	var text bytes.Buffer
	if err := page.Execute(&text, data); err != nil {
		panic(err) // the pages are ours and so is what fills them
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; img-src 'self'; style-src "+styleHash+"; form-action "+formAction+"; base-uri 'none'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer") // the address holds the request
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(text.Bytes())
}
