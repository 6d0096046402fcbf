package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed" // for the style sheet and the script
	"encoding/hex"
	"net/http"
	"strings"
	"sync"

	"latchkey/internal/branding"
)

// assetPath is where the files of the pages are served.
const assetPath = "/u/assets/"

//go:embed assets/page.css
var pageCSS string

//go:embed assets/page.js
var pageJS string

// asset is one file, under a name that changes with its content.
type asset struct {
	path, contentType string
	body, zipped      []byte
}

// assets are the files of the pages, made at first use.
var assets = sync.OnceValue(func() struct{ style, script asset } {
	return struct{ style, script asset }{
		style:  newAsset("page", ".css", "text/css; charset=utf-8", branding.Stylesheet()+pageCSS),
		script: newAsset("page", ".js", "text/javascript; charset=utf-8", pageJS),
	}
})

func newAsset(name, extension, contentType, body string) asset {
	sum := sha256.Sum256([]byte(body))
	var zipped bytes.Buffer
	z, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a valid one
	}
	_, _ = z.Write([]byte(body)) // a bytes.Buffer takes everything
	_ = z.Close()
	return asset{
		path:        assetPath + name + "." + hex.EncodeToString(sum[:6]) + extension,
		contentType: contentType,
		body:        []byte(body),
		zipped:      zipped.Bytes(),
	}
}

// Assets serves the files of the pages below /u/assets/. A file's name holds a hash of its content, so it may be kept for
// ever; any other name is not found.
func Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all := assets()
		for _, a := range []asset{all.style, all.script} {
			if r.URL.Path == a.path {
				a.serve(w, r)
				return
			}
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		http.NotFound(w, r)
	})
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Vary", "Accept-Encoding")
	body := a.body
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = a.zipped
	}
	_, _ = w.Write(body) // a browser that has gone away needs no answer; net/http drops the body of a HEAD
}
