package httpx

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func ask(h http.Handler, method, origin string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, "/oauth/token", nil)
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

var created = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })

func onlyApp(_ *http.Request, origin string) bool { return origin == "https://app.example" }

func TestCORS_AllowsOnlyCheckedOriginsAndAlwaysVaries(t *testing.T) {
	t.Parallel()
	h := CORS(CORSConfig{Allowed: onlyApp})(created)
	res := ask(h, http.MethodPost, "https://app.example")
	if res.StatusCode != 201 || res.Header.Get("Access-Control-Allow-Origin") != "https://app.example" ||
		!strings.Contains(res.Header.Get("Access-Control-Expose-Headers"), "Retry-After") ||
		res.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("allowed origin: %d %v", res.StatusCode, res.Header)
	}
	for _, origin := range []string{"https://evil.example", "null", "https://app.example.evil.example", ""} {
		res := ask(h, http.MethodPost, origin)
		if res.StatusCode != 201 || res.Header.Get("Access-Control-Allow-Origin") != "" || res.Header.Get("Vary") != "Origin" {
			t.Errorf("origin %q: %d %v, want a plain answer that varies", origin, res.StatusCode, res.Header)
		}
	}
}

func TestCORS_AnswersPreflights(t *testing.T) {
	t.Parallel()
	h := CORS(CORSConfig{Allowed: onlyApp})(created)
	res := ask(h, http.MethodOptions, "https://app.example", "Access-Control-Request-Method", "POST",
		"Access-Control-Request-Headers", "auth0-client,auth0-forwarded-for,authorization,content-type,dpop,x-request-language")
	if res.StatusCode != 204 || res.Header.Get("Access-Control-Allow-Origin") != "https://app.example" ||
		res.Header.Get("Access-Control-Max-Age") != "600" || !strings.Contains(res.Header.Get("Access-Control-Allow-Headers"), "auth0-client") {
		t.Errorf("preflight: %d %v", res.StatusCode, res.Header)
	}
	res = ask(h, http.MethodOptions, "https://evil.example", "Access-Control-Request-Method", "POST")
	if res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight of a stranger: %v", res.Header)
	}
	res = ask(h, http.MethodOptions, "https://app.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "x-evil")
	if res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight with an unknown header: %v", res.Header)
	}
}

func TestCORS_PublicEndpointsAllowEveryOriginWithoutCredentials(t *testing.T) {
	t.Parallel()
	res := ask(CORS(CORSConfig{})(created), http.MethodGet, "https://any.example")
	if res.Header.Get("Access-Control-Allow-Origin") != "*" || res.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("public: %v", res.Header)
	}
}

func TestWithdrawCORS_LeavesAPlainAnswer(t *testing.T) {
	t.Parallel()
	res := ask(CORS(CORSConfig{Allowed: onlyApp})(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		WithdrawCORS(w.Header())
		w.WriteHeader(http.StatusForbidden)
	})), http.MethodPost, "https://app.example")
	for name := range res.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s is left", name)
		}
	}
}
