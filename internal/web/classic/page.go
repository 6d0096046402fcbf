package classic

import (
	"fmt"
	"net/http"

	"latchkey/internal/web/classic/assets"
	"latchkey/internal/web/classic/templates"
	"latchkey/internal/web/page"
)

// Page is one answer of /login.
type Page struct {
	// Stored is the HTML of the client or the tenant; without it Default is shown.
	Stored  string
	Default templates.Name
	Config  Config

	// Opener keeps the window that opened this one reachable: for logins in a popup.
	Opener bool
	// StrictTransport sends Strict-Transport-Security: for public hosts behind TLS, never for localhost.
	StrictTransport bool
	// Framable lets other pages frame this one: the tenant's flag disable_clickjack_protection_headers.
	Framable bool
}

// Write sends the page. Where a default template is asked for and this binary was built without Lock and auth0.js, it sends
// the error page in the shell instead, which names the missing step; tracking is the request's id.
func (p Page) Write(w http.ResponseWriter, shell page.Shell, tracking string) error {
	return p.write(w, shell, tracking, assets.Embedded())
}

func (p Page) write(w http.ResponseWriter, shell page.Shell, tracking string, files *assets.Files) error {
	html := p.Stored
	if html == "" {
		if !files.Built() {
			return shell.WriteError(w, http.StatusServiceUnavailable, page.Failure{
				Error: "classic_assets_missing",
				Description: "This server was built without Lock and auth0.js, which the Classic login page needs. " +
					"Run scripts/assets in the source tree (it wants Node.js) and build the server again.",
				Tracking: tracking,
			})
		}
		var err error
		if html, err = templates.HTML(p.Default, files); err != nil {
			return err
		}
	}
	html, err := p.Config.Fill(html)
	if err != nil {
		return err
	}
	p.headers(w.Header())
	w.WriteHeader(http.StatusOK)
	if _, err := w.Write([]byte(html)); err != nil {
		return fmt.Errorf("write a Classic page: %w", err)
	}
	return nil
}

// headers sets those of a page whose scripts are the tenant's: inline ones and those of other hosts must run, so the policy
// names neither. What is left keeps the page from being framed and its addresses from being bent.
func (p Page) headers(h http.Header) {
	policy := "base-uri 'self'; object-src 'none'"
	if p.Framable {
		h.Del("X-Frame-Options")
	} else {
		policy = "frame-ancestors 'none'; " + policy
		h.Set("X-Frame-Options", "DENY")
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	h.Set("Cache-Control", "no-store, max-age=0")
	h.Set("Pragma", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	h.Set("Permissions-Policy", "publickey-credentials-get=(self), publickey-credentials-create=(self), "+
		"otp-credentials=(self), camera=(), microphone=(), geolocation=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	if p.Opener {
		h.Set("Cross-Origin-Opener-Policy", "unsafe-none")
	}
	if p.StrictTransport {
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
}
