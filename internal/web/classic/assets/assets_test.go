package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

// sample is a small build.
func sample(t *testing.T) *Files {
	t.Helper()
	zip := func(text string) *fstest.MapFile {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return &fstest.MapFile{Data: b.Bytes()}
	}
	f, err := Read(fstest.MapFS{
		"manifest.json": {Data: []byte(`{"lock":"14.3.0","auth0js":"10.2.1","languages":["de","pt","pt-br","zh","zh-tw"],
			"integrity":{"lock.min.js":"sha384-L","auth0.min.js":"sha384-A"}}`)},
		"lock.min.js.gz":   zip("lock"),
		"auth0.min.js.gz":  zip("auth0"),
		"lang/de.js.gz":    zip(`Auth0.registerLanguageDictionary("de",{});`),
		"licenses.txt.gz":  zip("MIT"),
		"lang/pt-br.js.gz": zip("pt"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func get(f *Files, path string, header ...string) *httptest.ResponseRecorder {
	m := http.NewServeMux()
	f.Register(m)
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	m.ServeHTTP(rec, r)
	return rec
}

func TestRegister_ServesEveryFileToAnyOrigin(t *testing.T) {
	t.Parallel()
	f := sample(t)
	const script, forEver, short = "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", "public, max-age=300"
	for _, c := range []struct{ path, body, contentType, cache string }{
		{"/_/assets/lock/14.3.0/lock.min.js", "lock", script, forEver},
		{"/_/assets/lock/14.1.0/lock.min.js", "lock", script, short},
		{"/_/assets/auth0js/10.2.1/auth0.min.js", "auth0", script, forEver},
		{"/js/lock/14.3.0/de.js", `Auth0.registerLanguageDictionary("de",{});`, script, forEver},
		{"/js/lock/11.30.0/de.js", `Auth0.registerLanguageDictionary("de",{});`, script, short},
		{"/js/lock/14.3.0/pt-br.js", "pt", script, forEver},
		{"/_/assets/licenses.txt", "MIT", "text/plain; charset=utf-8", short},
	} {
		rec := get(f, c.path)
		if rec.Code != http.StatusOK || rec.Body.String() != c.body {
			t.Errorf("%s: got %d %q, want 200 %q", c.path, rec.Code, rec.Body, c.body)
		}
		for name, want := range map[string]string{
			"Content-Type": c.contentType, "Cache-Control": c.cache, "X-Content-Type-Options": "nosniff",
			"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin", "Vary": "Accept-Encoding",
			"Content-Encoding": "",
		} {
			if got := rec.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", c.path, name, got, want)
			}
		}
	}
}

func TestRegister_RefusesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"/_/assets/lock/13.0.0/lock.min.js", "/_/assets/lock/14/lock.min.js", "/_/assets/lock/x.1/lock.min.js",
		"/_/assets/lock/14.3.0/manifest.json", "/_/assets/auth0js/9.0.0/auth0.min.js", "/js/lock/14.3.0/xx.js",
		"/js/lock/14.3.0/de", "/js/lock/14.3.0/..%2Fmanifest.json", "/js/lock/14.3.0/de.js.gz", "/_/assets/manifest.json",
	} {
		if rec := get(sample(t), path); rec.Code != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, rec.Code)
		}
	}
	for _, path := range []string{"/_/assets/lock/14.3.0/lock.min.js", "/js/lock/14.3.0/de.js", "/_/assets/licenses.txt"} {
		if rec := get(&Files{}, path); rec.Code != http.StatusNotFound {
			t.Errorf("%s of a binary without the files: got %d, want 404", path, rec.Code)
		}
	}
}

func TestRegister_CompressesForWhoTakesIt(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"gzip": "gzip", "br, gzip;q=0.5, *": "gzip", "GZIP": "gzip", "": "", "br": "", "gzip;q=0": "", "identity": "",
	} {
		rec := get(sample(t), "/_/assets/lock/14.3.0/lock.min.js", "Accept-Encoding", header)
		if got := rec.Header().Get("Content-Encoding"); got != want {
			t.Errorf("Accept-Encoding %q: got %q, want %q", header, got, want)
		}
		body := rec.Body.Bytes()
		if want == "gzip" {
			plain, err := inflate(body)
			if err != nil {
				t.Fatal(err)
			}
			body = plain
		}
		if string(body) != "lock" {
			t.Errorf("Accept-Encoding %q: the body is %q", header, body)
		}
	}
}

func TestScripts_AreNamedWithVersionAndDigest(t *testing.T) {
	t.Parallel()
	f := sample(t)
	if got, want := f.Lock(), (Script{"/_/assets/lock/14.3.0/lock.min.js", "sha384-L"}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := f.Auth0(), (Script{"/_/assets/auth0js/10.2.1/auth0.min.js", "sha384-A"}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLanguage_IsTheNameOfLocksDictionary(t *testing.T) {
	t.Parallel()
	f := sample(t)
	for tag, want := range map[string]string{
		"de": "de", "de-AT": "de", "pt-BR": "pt-br", "pt-PT": "pt", "zh-CN": "zh", "zh-HK": "zh-tw", "zh-TW": "zh-tw",
		"ar": "", "": "", "../de": "",
	} {
		if got := f.Language(tag); got != want {
			t.Errorf("%q: got %q, want %q", tag, got, want)
		}
	}
}

// What the build step made is whole: every digest is right, every language registers itself, every licence has a text.
func TestEmbedded_IsWhole(t *testing.T) {
	t.Parallel()
	f := Embedded()
	if !Built() {
		t.Fatal("Lock and auth0.js are not built: run scripts/assets")
	}
	for _, file := range []string{lockFile, auth0File, licencesFile} {
		if got, want := digest(t, f, file), f.integrity[file]; got != want {
			t.Errorf("%s: the digest is %s, the manifest says %s", file, got, want)
		}
	}
	if got := len(f.languages); got < 40 {
		t.Errorf("got %d languages", got)
	}
	for _, language := range f.languages {
		text := read(t, f, "lang/"+language+".js")
		if want := `Auth0.registerLanguageDictionary("` + language + `",{`; !strings.HasPrefix(text, want) {
			t.Errorf("%s begins with %.60q", language, text)
		}
		if got := digest(t, f, "lang/"+language+".js"); got != f.integrity["lang/"+language+".js"] {
			t.Errorf("%s: the digest differs from the manifest's", language)
		}
	}
	_, passwordless, _ := strings.Cut(read(t, f, "lang/de.js"), `"passwordless":{`)
	passwordless, _, _ = strings.Cut(passwordless, "}")
	if !strings.Contains(passwordless, `"invalid_user_password":"Falscher Code."`) {
		t.Errorf("Lock has no words for a wrong code: %s", passwordless)
	}
	lock := read(t, f, lockFile)
	for _, name := range []string{"window.Auth0Lock=", "window.Auth0LockPasswordless=", "window.auth0=", "/_/assets/licenses.txt"} {
		if !strings.Contains(lock, name) {
			t.Errorf("%s lacks %s", lockFile, name)
		}
	}
	licences := read(t, f, licencesFile)
	for _, name := range []string{
		"auth0-lock 14.3.0", "auth0-js 10.2.1", "auth0-js 9.32.0", "react 18", "react-dom 18", "superagent", "qs ", "dompurify", "immutable",
		"idtoken-verifier", "crypto-js", "winchan", "normalize.css",
	} {
		if !strings.Contains(licences, "\n"+name) {
			t.Errorf("the licences lack %s", name)
		}
	}
}

func read(t *testing.T, f *Files, file string) string {
	t.Helper()
	zipped, err := fs.ReadFile(f.folder, file+".gz")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := inflate(zipped)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func digest(t *testing.T, f *Files, file string) string {
	t.Helper()
	sum := sha512.Sum384([]byte(read(t, f, file)))
	return "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
}
