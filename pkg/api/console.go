package api

import (
	"slices"
	"strings"
	"time"
)

// ConsolePagePattern matches the path of a page of the console: whatever the
// page, the file is index.html. The local server and CloudFront read it alike.
// (A few of these are routes of ours too; on AWS the console has an address of
// its own.)
const ConsolePagePattern = `^/(?:configuration|callback|signed-out|tokens/[0-9A-Za-z]+|admin(?:/(?:policy|tokens|people|trail))?)?$`

// ConsoleConfigPath is where the console reads its configuration: it is served,
// not compiled in.
const ConsoleConfigPath = "/config.json"

// A ConsoleConfig is what the console has to know. None of it is secret.
type ConsoleConfig struct {
	API      string `json:"api"`       // address of the API, without a slash at its end
	Issuer   string `json:"issuer"`    // of people, as its discovery spells it
	ClientID string `json:"client_id"` // of the console at that issuer
	// Scope that the console asks the issuer for; its own default.
	Scope string `json:"scope,omitempty"`
	// Resource is the audience to ask for (RFC 8707), where the issuer wants that.
	Resource string `json:"resource,omitempty"`
}

// ConsoleHSTS is the max-age of Strict-Transport-Security on AWS. A laptop has no
// certificate, and must not send it: it would hold for every port there.
const ConsoleHSTS = 2 * 365 * 24 * time.Hour

// consoleHeaders are those that do not depend on where the console is.
//
// Cross-Origin-Opener-Policy is left out: when a session has ended, people sign
// in again in a second window, so that what they typed in the first is not lost,
// and the second has to reach its opener.
var consoleHeaders = map[string]string{
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY", // frame-ancestors, for what is too old to know it
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Resource-Policy": "same-origin",
	// Copying a token is all that the console asks of a browser.
	"Permissions-Policy": "clipboard-write=(self), accelerometer=(), autoplay=(), camera=(), clipboard-read=(), " +
		"display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), hid=(), identity-credentials-get=(), " +
		"idle-detection=(), local-fonts=(), magnetometer=(), microphone=(), midi=(), otp-credentials=(), payment=(), " +
		"picture-in-picture=(), publickey-credentials-create=(), publickey-credentials-get=(), screen-wake-lock=(), serial=(), " +
		"storage-access=(), usb=(), window-management=(), xr-spatial-tracking=()",
}

// ConsoleHeaders returns the headers of every file of the console. Its pages may
// call their own origin and those given: the API's and the sign-in's, each
// scheme://host[:port].
func ConsoleHeaders(origins ...string) map[string]string {
	headers := map[string]string{"Content-Security-Policy": consolePolicy(origins)}
	for name, value := range consoleHeaders {
		headers[name] = value
	}
	return headers
}

// consolePolicy is the content security policy (CSP level 3, Trusted Types). The
// page that shows a token's value runs only what came from its own origin, calls
// only those it must, makes no markup out of text, and is shown in nobody's frame.
func consolePolicy(origins []string) string {
	connect := []string{"'self'"}
	for _, origin := range origins {
		if !slices.Contains(connect, origin) {
			connect = append(connect, origin)
		}
	}
	return strings.Join([]string{
		"default-src 'self'",
		"script-src 'self'",
		"style-src 'self'",
		"font-src 'self'",
		"img-src 'self'",
		"connect-src " + strings.Join(connect, " "),
		"frame-src 'none'",
		"media-src 'none'",
		"object-src 'none'",
		"worker-src 'none'",
		"base-uri 'none'",
		"form-action 'none'", // every form is sent by fetch
		"frame-ancestors 'none'",
		"require-trusted-types-for 'script'",
		"trusted-types 'none'",
	}, "; ")
}

// ConsoleAssets is where the build puts the files whose names hold the hash of
// what is in them.
const ConsoleAssets = "/assets/"

// ConsoleCacheControl is how long a file of the console may be kept. What has no
// hash in its name is asked for again each time: a page must not name files of a
// version that is gone, nor config.json an API that moved.
func ConsoleCacheControl(path string) string {
	if strings.HasPrefix(path, ConsoleAssets) {
		return "public, max-age=31536000, immutable" // seconds: a year
	}
	return "no-cache"
}
