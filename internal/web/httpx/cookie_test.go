package httpx

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"
)

func TestCookies_HaveTheAttributesOfTheSiteScheme(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		secure bool
		want   []string
	}{
		{true, []string{
			"__Host-txn=v; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax",
			"auth0=s; Path=/; Max-Age=2; HttpOnly; Secure; SameSite=None",
			"auth0=s; Path=/; HttpOnly; Secure; SameSite=None",
			"__Host-txn=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
			"auth0=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=None",
		}},
		{false, []string{
			"txn=v; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax",
			"auth0=s; Path=/; Max-Age=2; HttpOnly",
			"auth0=s; Path=/; HttpOnly",
			"txn=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax",
			"auth0=; Path=/; Max-Age=0; HttpOnly",
		}},
	} {
		c, w := Cookies{Secure: tc.secure}, httptest.NewRecorder()
		c.SetOwn(w, "txn", "v", time.Hour)
		c.SetShared(w, "auth0", "s", 1500*time.Millisecond)
		c.SetShared(w, "auth0", "s", 0)
		c.ClearOwn(w, "txn")
		c.ClearShared(w, "auth0")
		if got := w.Header().Values("Set-Cookie"); !slices.Equal(got, tc.want) {
			t.Errorf("secure %v:\n got %q\nwant %q", tc.secure, got, tc.want)
		}
	}
}

func TestCookies_PlantedOnesAreNotBelieved(t *testing.T) {
	t.Parallel()
	c := Cookies{Secure: true}
	for header, want := range map[string]string{
		"__Host-txn=a":                "a",
		"other=1; __Host-txn=a":       "a",
		"txn=a":                       "",
		"__Host-txn=a; __Host-txn=b":  "",
		"__Host-txn=":                 "",
		"__host-txn=a; __Host-other=": "",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", header)
		got, ok := c.Own(r, "txn")
		if got != want || ok != (want != "") {
			t.Errorf("Cookie %q: got %q, %v, want %q", header, got, ok, want)
		}
	}
}

func TestCookies_SharedValuesAreAllThatWereSent(t *testing.T) {
	t.Parallel()
	c := Cookies{Secure: true}
	for header, want := range map[string][]string{
		"":                              nil,
		"auth0=":                        nil,
		"auth0=a":                       {"a"},
		"auth0=a; other=x; auth0=b":     {"a", "b"},
		"auth0=; auth0=a; auth0=a":      {"a"},
		"__Host-auth0=a; auth0_compat=": nil,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", header)
		if got := c.SharedValues(r, "auth0"); !slices.Equal(got, want) {
			t.Errorf("Cookie %q: got %q, want %q", header, got, want)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for i := range 100 {
		r.AddCookie(&http.Cookie{Name: "auth0", Value: strconv.Itoa(i)})
	}
	if got := len(c.SharedValues(r, "auth0")); got != maxSameName {
		t.Errorf("of a hundred cookies %d are looked at", got)
	}
}
