package sampleapp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

const timeForm = "2 Jan 2006, 15:04:05 UTC"

// check is one thing that verification of the ID token has found true.
type check struct{ Name, Detail string }

// checksOf lists what verifyIDToken has checked, with the values it compared.
func checksOf(id *oidc.IDToken, raw string) []check {
	var header struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
	}
	if h, _, ok := parts(raw); ok {
		// What cannot be read here has failed verification before.
		_ = json.Unmarshal(h, &header)
	}
	signature := header.Algorithm
	if header.KeyID != "" {
		signature += " with key " + header.KeyID
	}
	checks := []check{
		{"Signature", signature + ", one of those the server publishes"},
		{"Issuer", id.Issuer},
		{"Audience", strings.Join(id.Audience, ", ") + ", this application"},
		{"Expiry", "valid until " + id.Expiry.UTC().Format(timeForm)},
	}
	if id.Nonce != "" {
		checks = append(checks, check{"Nonce", "the one this login sent"})
	} else {
		checks = append(checks, check{"Subject", "the same person as before the refresh"})
	}
	if id.AccessTokenHash != "" {
		checks = append(checks, check{"Access token", "belongs to this ID token (at_hash)"})
	}
	return checks
}

// claim is one member of a token, explained.
type claim struct {
	Name  string
	Value string
	Human string // the value in words, where the wire's is a number
	Text  string // what it means
	Title string // where it is defined, shown on hover
}

// token is a token as the page shows it.
type token struct {
	Raw    [3]string // the encoded parts of a JWT, or all of an opaque token in the first
	Opaque bool
	Header []claim
	Claims []claim
}

// decode takes a JWT apart for display. It verifies nothing.
func decode(raw string, words map[string]meaning, now time.Time) token {
	header, payload, ok := parts(raw)
	if !ok {
		return token{Raw: [3]string{raw}, Opaque: true}
	}
	split := strings.Split(raw, ".")
	return token{
		Raw:    [3]string{split[0], split[1], split[2]},
		Header: explain(header, headerWords, now),
		Claims: explain(payload, words, now),
	}
}

func parts(raw string) (header, payload []byte, ok bool) {
	split := strings.Split(raw, ".")
	if len(split) != 3 {
		return nil, nil, false
	}
	header, err := base64.RawURLEncoding.DecodeString(split[0])
	if err != nil || !json.Valid(header) {
		return nil, nil, false
	}
	payload, err = base64.RawURLEncoding.DecodeString(split[1])
	if err != nil || !json.Valid(payload) {
		return nil, nil, false
	}
	return header, payload, true
}

func members(object []byte) map[string]any {
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	var m map[string]any
	if d.Decode(&m) != nil {
		return nil
	}
	return m
}

// explain lists the members of a JSON object, the known ones first and in the order people ask for them.
func explain(object []byte, words map[string]meaning, now time.Time) []claim {
	var claims []claim
	for name, value := range members(object) {
		m, known := words[name]
		if !known {
			m = meaning{order: math.MaxInt, text: "A claim of the tenant's own, added by an Action.", source: "Not a registered claim"}
		}
		c := claim{Name: name, Value: wire(value), Text: m.text, Title: m.source}
		if n, isNumber := value.(json.Number); isNumber && m.isTime {
			if seconds, err := n.Int64(); err == nil {
				t := time.Unix(seconds, 0).UTC()
				c.Human = t.Format(timeForm) + ", " + distance(t, now)
			}
		}
		claims = append(claims, c)
	}
	order := func(name string) int {
		if m, ok := words[name]; ok {
			return m.order
		}
		return math.MaxInt
	}
	slices.SortFunc(claims, func(x, y claim) int {
		if ox, oy := order(x.Name), order(y.Name); ox != oy {
			if ox < oy {
				return -1
			}
			return 1
		}
		return strings.Compare(x.Name, y.Name)
	})
	return claims
}

func wire(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if e.Encode(v) != nil {
		return ""
	}
	return strings.TrimSpace(b.String())
}

// distance says how far t is from now, as people do.
func distance(t, now time.Time) string {
	d := t.Sub(now).Round(time.Second)
	words := func(d time.Duration) string {
		plural := func(n int, unit string) string {
			if n == 1 {
				return "1 " + unit
			}
			return fmt.Sprintf("%d %ss", n, unit)
		}
		switch {
		case d < time.Minute:
			return plural(int(d.Seconds()), "second")
		case d < time.Hour:
			return plural(int(d.Minutes()), "minute")
		case d < 48*time.Hour:
			s := plural(int(d.Hours()), "hour")
			if m := int(d.Minutes()) % 60; m != 0 {
				s += " " + plural(m, "minute")
			}
			return s
		}
		return plural(int(d.Hours())/24, "day")
	}
	switch {
	case d > 0:
		return "in " + words(d)
	case d < 0:
		return words(-d) + " ago"
	}
	return "just now"
}

// meaning explains one claim.
type meaning struct {
	order  int
	isTime bool
	text   string
	source string
}

// dictionary gives each entry its place by its position in the list.
func dictionary(entries ...entry) map[string]meaning {
	words := make(map[string]meaning, len(entries))
	for i, e := range entries {
		words[e.name] = meaning{order: i, isTime: e.isTime, text: e.text, source: e.source}
	}
	return words
}

type entry struct {
	name   string
	isTime bool
	text   string
	source string
}

const (
	coreSpec   = "OpenID Connect Core 1.0, section 2"
	claimsSpec = "OpenID Connect Core 1.0, section 5.1"
	auth0Spec  = "Auth0 access token profile"
)

// The words for each place a claim can stand in: the same name may mean different things to different readers.
var (
	headerWords = dictionary(
		entry{"alg", false, "How the token is signed. RS256 is an RSA signature over SHA-256.", "RFC 7515, section 4.1.1"},
		entry{"typ", false, "What kind of thing this is.", "RFC 7519, section 5.1"},
		entry{"kid", false, "Which of the server's public keys checks the signature.", "RFC 7515, section 4.1.4"},
	)
	idTokenWords = dictionary(
		entry{"iss", false, "Who says so: the server that issued the token.", coreSpec},
		entry{"sub", false, "Who logged in. This id never changes, so keep it rather than the e-mail address.", coreSpec},
		entry{"aud", false, "For whom the token is meant: this application's client ID.", coreSpec},
		entry{"iat", true, "When the token was issued.", coreSpec},
		entry{"exp", true, "After this moment the token must not be believed.", coreSpec},
		entry{"auth_time", true, "When the person last proved who they are.", coreSpec},
		entry{"nonce", false, "The random value this login sent. It ties the token to this browser.", coreSpec},
		entry{"sid", false, "The session at the server. Logging out names it.", "OpenID Connect Front-Channel Logout 1.0, section 3"},
		entry{"at_hash", false, "A fingerprint of the access token that came along.", "OpenID Connect Core 1.0, section 3.1.3.6"},
		entry{"c_hash", false, "A fingerprint of the authorization code.", "OpenID Connect Core 1.0, section 3.3.2.11"},
		entry{"amr", false, "How the person proved who they are.", coreSpec},
		entry{"acr", false, "How strong that proof was.", coreSpec},
		entry{"azp", false, "The client that the token was issued to.", coreSpec},
		entry{"name", false, "The full name, or the address where none is known.", claimsSpec},
		entry{"given_name", false, "The first name.", claimsSpec},
		entry{"middle_name", false, "The middle name.", claimsSpec},
		entry{"family_name", false, "The last name.", claimsSpec},
		entry{"nickname", false, "What to call the person casually.", claimsSpec},
		entry{"preferred_username", false, "The name the person likes to be known by here.", claimsSpec},
		entry{"picture", false, "A picture of the person. This sample does not load it: it lives on another server.", claimsSpec},
		entry{"profile", false, "A page about the person.", claimsSpec},
		entry{"website", false, "The person's own page.", claimsSpec},
		entry{"email", false, "The e-mail address.", claimsSpec},
		entry{"email_verified", false, "Whether the person has proven that the address is theirs, for example by a code.", claimsSpec},
		entry{"phone_number", false, "The phone number, in international form.", claimsSpec},
		entry{"phone_number_verified", false, "Whether the person has proven that the number is theirs.", claimsSpec},
		entry{"gender", false, "The gender the person gave.", claimsSpec},
		entry{"birthdate", false, "The date of birth.", claimsSpec},
		entry{"zoneinfo", false, "The person's time zone.", claimsSpec},
		entry{"locale", false, "The person's language and region.", claimsSpec},
		entry{"address", false, "The postal address.", claimsSpec},
		entry{"updated_at", true, "When the profile last changed.", claimsSpec},
		entry{"org_id", false, "The organization the person logged in to.", "Auth0, organizations"},
		entry{"org_name", false, "The name of that organization.", "Auth0, organizations"},
	)
	accessTokenWords = dictionary(
		entry{"iss", false, "Who says so: the API trusts tokens of this server only.", "RFC 7519, section 4.1.1"},
		entry{"sub", false, "On whose behalf the API is called.", "RFC 7519, section 4.1.2"},
		entry{"aud", false, "Which APIs may accept the token: the sample API, and the server's own /userinfo.", "RFC 7519, section 4.1.3"},
		entry{"iat", true, "When the token was issued.", "RFC 7519, section 4.1.6"},
		entry{"nbf", true, "The API must not accept the token before this moment.", "RFC 7519, section 4.1.5"},
		entry{"exp", true, "When the API stops accepting it. Refresh before that.", "RFC 7519, section 4.1.4"},
		entry{"scope", false, "What the token allows.", "RFC 8693, section 4.2"},
		entry{"azp", false, "The client that asked for the token: this application.", auth0Spec},
		entry{"client_id", false, "The client that asked for the token: this application.", "RFC 9068, section 2.2"},
		entry{"gty", false, "The kind of grant that produced the token, where it was not a login.", auth0Spec},
		entry{"permissions", false, "What the person's roles allow at this API.", "Auth0, role-based access control"},
		entry{"jti", false, "The token's own id.", "RFC 7519, section 4.1.7"},
		entry{"cnf", false, "The key that whoever presents the token must hold.", "RFC 7800, section 3.1"},
	)
)
