// Package assets gives browsers Lock and auth0.js from our own host: the two libraries, Lock's languages, and the licences
// of everything in them.
//
// The files are made by `npm ci --ignore-scripts && npm run build` in this folder (scripts/assets of the repository does it) and
// embedded. A binary built without that step works; Built says which it is, and every address here is then not found.
//
// Addresses carry a version and may be kept for ever. A page that was stored before an update still names the version of
// that day: it gets today's file as long as the major version is the same, but may not keep it for long. Pages of
// applications on other hosts load these files too, so any origin may read them; they hold nothing secret.
//
// Auth0: "Lock for Web", "Auth0.js Reference". The packages are auth0-lock and auth0-js on npm, both MIT.
package assets

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A file whose name begins with a dot keeps the folder embeddable where nothing was built.
//
//go:embed all:dist
var dist embed.FS

// embedded are the files of this binary.
var embedded = sync.OnceValue(func() *Files {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is a valid one
	}
	files, err := Read(sub)
	if err != nil {
		panic(err) // scripts/assets writes the manifest last
	}
	return files
})

// Embedded gives the files of this binary.
func Embedded() *Files { return embedded() }

// Built reports whether this binary holds the files.
func Built() bool { return Embedded().Built() }

// Files are Lock, auth0.js and what belongs to them. The zero value holds nothing.
type Files struct {
	folder    fs.FS
	lock      string // version
	auth0     string
	languages []string
	integrity map[string]string
}

// Script is a file that a page loads.
type Script struct {
	Path      string // on our host
	Integrity string // what the page may name as its digest (Subresource Integrity)
}

// Read reads what the build step wrote into a folder. An empty folder gives files that are not built.
func Read(folder fs.FS) (*Files, error) {
	text, err := fs.ReadFile(folder, "manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		return &Files{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the manifest of the assets: %w", err)
	}
	var manifest struct {
		Lock      string            `json:"lock"`
		Auth0     string            `json:"auth0js"`
		Languages []string          `json:"languages"`
		Integrity map[string]string `json:"integrity"`
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		return nil, fmt.Errorf("read the manifest of the assets: %w", err)
	}
	return &Files{
		folder: folder, lock: manifest.Lock, auth0: manifest.Auth0, languages: manifest.Languages, integrity: manifest.Integrity,
	}, nil
}

// Built reports whether there are files.
func (f *Files) Built() bool { return f.folder != nil }

// Lock is the file that sets window.Auth0Lock, window.Auth0LockPasswordless and window.auth0.
func (f *Files) Lock() Script {
	return Script{Path: "/_/assets/lock/" + f.lock + "/" + lockFile, Integrity: f.integrity[lockFile]}
}

// Auth0 is the file that sets window.auth0.
func (f *Files) Auth0() Script {
	return Script{Path: "/_/assets/auth0js/" + f.auth0 + "/" + auth0File, Integrity: f.integrity[auth0File]}
}

// Language gives the name of Lock's dictionary for a language tag such as "pt-BR", or "" where it has none. Lock names
// dictionaries in lower case.
func (f *Files) Language(tag string) string {
	tag = strings.ToLower(tag)
	switch tag {
	case "zh-hk", "zh-mo":
		tag = "zh-tw"
	case "pt-br", "zh-tw": // dictionaries of their own
	default:
		tag, _, _ = strings.Cut(tag, "-")
	}
	if slices.Contains(f.languages, tag) {
		return tag
	}
	return ""
}

const (
	lockFile     = "lock.min.js"
	auth0File    = "auth0.min.js"
	licencesFile = "licenses.txt"
)

// mux is what Register needs of a router.
type mux interface {
	Handle(pattern string, h http.Handler)
}

// Register adds the routes of the embedded files.
func Register(m mux) { Embedded().Register(m) }

// Register adds the routes of the files.
func (f *Files) Register(m mux) {
	m.Handle("GET /_/assets/lock/{version}/"+lockFile, f.versioned(lockFile, f.lock))
	m.Handle("GET /_/assets/auth0js/{version}/"+auth0File, f.versioned(auth0File, f.auth0))
	m.Handle("GET /js/lock/{version}/{file}", http.HandlerFunc(f.language))
	m.Handle("GET /_/assets/"+licencesFile, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.serve(w, r, licencesFile, "text/plain; charset=utf-8", false)
	}))
}

// versioned serves a library under its version, and under others of the same major version without leave to keep it.
func (f *Files) versioned(file, version string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := r.PathValue("version")
		if !f.Built() || major(asked) != major(version) {
			notFound(w)
			return
		}
		f.serve(w, r, file, "text/javascript; charset=utf-8", asked == version)
	})
}

// language serves a dictionary. Lock asks for it under its own version, whatever that is where a page brings another Lock:
// dictionaries only ever gain texts, and Lock has its English ones for what is missing.
func (f *Files) language(w http.ResponseWriter, r *http.Request) {
	language, isScript := strings.CutSuffix(r.PathValue("file"), ".js")
	if !isScript || !slices.Contains(f.languages, language) {
		notFound(w)
		return
	}
	f.serve(w, r, "lang/"+language+".js", "text/javascript; charset=utf-8", r.PathValue("version") == f.lock)
}

// serve answers with a file, compressed for those who take it so.
func (f *Files) serve(w http.ResponseWriter, r *http.Request, file, contentType string, forEver bool) {
	if !f.Built() {
		notFound(w)
		return
	}
	body, err := fs.ReadFile(f.folder, file+".gz")
	if err != nil {
		notFound(w)
		return
	}
	zipped := acceptsGzip(r.Header.Get("Accept-Encoding"))
	if !zipped {
		if body, err = inflate(body); err != nil {
			http.Error(w, "the file cannot be read", http.StatusInternalServerError)
			return
		}
	}
	h := common(w)
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "public, max-age=300")
	if forEver {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if zipped {
		h.Set("Content-Encoding", "gzip")
	}
	_, _ = w.Write(body) // a browser that has gone away needs no answer; net/http drops the body of a HEAD
}

func notFound(w http.ResponseWriter) {
	h := common(w)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNotFound)
	_, _ = io.WriteString(w, "not found\n")
}

// common sets what every answer has.
func common(w http.ResponseWriter) http.Header {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Vary", "Accept-Encoding")
	return h
}

// major gives the first number of a version, or "" where it is none.
func major(version string) string {
	first, rest, ok := strings.Cut(version, ".")
	if !ok || rest == "" {
		return ""
	}
	if _, err := strconv.ParseUint(first, 10, 16); err != nil {
		return ""
	}
	return first
}

// acceptsGzip reports whether a client takes gzip (RFC 9110 section 12.5.3).
func acceptsGzip(header string) bool {
	for _, coding := range strings.Split(header, ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		q, weighed := strings.CutPrefix(strings.TrimSpace(weight), "q=")
		value, err := strconv.ParseFloat(q, 64)
		return !weighed || err == nil && value > 0
	}
	return false
}

func inflate(zipped []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return nil, fmt.Errorf("inflate: %w", err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("inflate: %w", err)
	}
	return plain, nil
}
