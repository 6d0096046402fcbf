package management

import (
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"

	"latchkey/internal/apischema"
	"latchkey/internal/jwt"
	"latchkey/test/servertest"
)

// everyOperation calls test with every operation and a path that looks right.
func everyOperation(test func(name, method, path string, o *apischema.Operation)) {
	for _, o := range apischema.Operations() {
		test(o.Method+" "+o.Path, o.Method, plausible(o.Path), o)
	}
}

// badToken is an Authorization header that no operation accepts.
type badToken struct {
	what, header  string
	status        int
	code, message string
}

// badTokens are all kinds of them: of s, and of another tenant at the same server.
func badTokens(t *testing.T, s, other *servertest.Server) []badToken {
	t.Helper()
	bearer := func(claims map[string]any) string {
		all := machine(s, everyScope(t, s)...)
		for name, v := range claims {
			all[name] = v
		}
		return "Bearer " + s.SignToken(all)
	}
	good := bearer(nil)
	const expired, invalid = "Expired token received for JSON Web Token validation", "Invalid token"
	const signature = "Invalid signature received for JSON Web Token validation"
	const format = "Bad HTTP authentication header format"
	return []badToken{
		{"no header", "", 401, "", "Missing authentication"},
		{"another scheme", "Basic dXNlcjpwYXNz", 400, "Bearer", format},
		{"no token", "Bearer ", 400, "Bearer", format},
		{"two tokens", "Bearer one two", 400, "Bearer", format},
		{"no JWT", "Bearer opaque", 401, "", invalid},
		{"expired", bearer(map[string]any{"exp": s.Clock.Now().Unix()}), 401, "", expired},
		{"without an end", bearer(map[string]any{"exp": 0}), 401, "", expired},
		{"another audience", bearer(map[string]any{"aud": servertest.Audience}), 401, "", "Bad audience: " + servertest.Audience},
		{"almost the audience", bearer(map[string]any{"aud": strings.TrimSuffix(s.Tenant.ManagementAudience(), "/")}), 401, "",
			"Bad audience: " + strings.TrimSuffix(s.Tenant.ManagementAudience(), "/")},
		{"another issuer", bearer(map[string]any{"iss": "https://evil.example.com/"}), 401, "", invalid},
		{"a client that is gone", bearer(map[string]any{"sub": "gone@clients", "azp": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}), 401, "", invalid},
		{"a user who is gone", bearer(map[string]any{"sub": "email|0123456789abcdef01234567", "gty": nil}), 401, "", invalid},
		{"another signature", forged(good), 401, "", signature},
		{"more scopes than were signed", rewritten(t, good), 401, "", signature},
		{"no algorithm", unsigned(good), 401, "", invalid},
		{"the public key as a secret", keyedWith(t, good, publicPEM), 401, "", invalid},
		{"another tenant's", "Bearer " + lasting(other, everyScope(t, other)...), 401, "", signature},
		{"another tenant's for this audience", "Bearer " + other.SignToken(merged(machine(other, everyScope(t, other)...), map[string]any{
			"aud": s.Tenant.ManagementAudience(), "iss": s.Issuer,
		})), 401, "", signature},
	}
}

func merged(a, b map[string]any) map[string]any {
	for name, v := range b {
		a[name] = v
	}
	return a
}

// forged changes a token's signature.
func forged(header string) string {
	i := strings.LastIndexByte(header, '.') + 10
	other := byte('A')
	if header[i] == other {
		other = 'B'
	}
	return header[:i] + string(other) + header[i+1:]
}

// rewritten gives a token another payload under its old signature.
func rewritten(t *testing.T, header string) string {
	t.Helper()
	claims := servertest.Claims(t, strings.TrimPrefix(header, "Bearer "))
	claims["sub"] = "somebody@clients"
	parts := strings.Split(header, ".")
	parts[1] = base64.RawURLEncoding.EncodeToString([]byte(servertest.Text(claims)))
	return strings.Join(parts, ".")
}

// unsigned gives a token the algorithm "none", and no signature.
func unsigned(header string) string {
	parts := strings.Split(header, ".")
	parts[0] = "Bearer " + base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	return parts[0] + "." + parts[1] + "."
}

// keyedWith signs a token with a secret instead of a key.
func keyedWith(t *testing.T, header, secret string) string {
	t.Helper()
	signer, err := jwt.NewSigner(jwt.HS256, "", []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign(jwt.TypeJWT, servertest.Claims(t, strings.TrimPrefix(header, "Bearer ")))
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + token
}

func TestTokens_AreRefusedByEveryOperation(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	c := newCaller(s)
	bad := badTokens(t, s, s.OtherTenant(t, "other"))
	before := c.Dump(t)
	turn := 0
	everyOperation(func(name, method, path string, _ *apischema.Operation) {
		// Each operation meets the first and the last, and some of the others in turn.
		some := []badToken{bad[0], bad[len(bad)-1]}
		for range 4 {
			some = append(some, bad[turn%len(bad)])
			turn++
		}
		for _, b := range some {
			r := c.request(method, path, "")
			r.Header.Del("Authorization")
			if b.header != "" {
				r.Header.Set("Authorization", b.header)
			}
			got := c.Send(r)
			d := got.Doc()
			switch attributes := object(d["attributes"]); {
			case got.Status != b.status || got.Message() != b.message || d["error"] != http.StatusText(b.status):
				t.Errorf("%s: %s: got %d %s, want %d %s", name, b.what, got.Status, got.Text, b.status, b.message)
			case b.status == 401 && attributes["error"] != b.message:
				t.Errorf("%s: %s: got the attributes %v, want the message repeated", name, b.what, attributes)
			case b.code != "" && d["errorCode"] != b.code:
				t.Errorf("%s: %s: got errorCode %v, want %s", name, b.what, d["errorCode"], b.code)
			}
		}
	})
	if after := c.Dump(t); servertest.Text(after) != servertest.Text(before) {
		t.Error("refused tokens have left something in the database")
	}
}

func TestTokens_OfTheSeededClientsReachTheAPIThroughTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		if err := s.Database.EnsureGrant(context.Background(), s.Tenant.ID, s.M2M.ID, s.Tenant.ManagementAudience(), []string{"read:clients", "read:users"}); err != nil {
			t.Fatal(err)
		}
		tokens := s.Browser(t).MustToken(map[string][]string{
			"grant_type": {"client_credentials"}, "client_id": {s.M2M.ID}, "client_secret": {s.M2MKey}, "audience": {s.Tenant.ManagementAudience()},
			"scope": {"read:clients"},
		})
		if got := s.Call(tokens.AccessToken, "GET", "/clients", nil).Status; got != 200 {
			t.Errorf("with the scope: got %d, want 200", got)
		}
		refused(t, s.Call(tokens.AccessToken, "GET", "/users", nil), 403, "insufficient_scope", "Insufficient scope, expected any of: read:users")
	})
}

func TestScopes_AreNeededAsDescribed(t *testing.T) {
	t.Parallel()
	c := newCaller(servertest.New(t))
	every := everyScope(t, c.Server)
	alone := map[string]string{}
	for _, scope := range every {
		alone[scope] = lasting(c.Server, scope)
	}
	everyOperation(func(name, method, path string, o *apischema.Operation) {
		for _, scope := range o.Scopes {
			if !slices.Contains(every, scope) {
				t.Errorf("%s needs %s, which the Management API does not have", name, scope)
			}
		}
		rest := func(without ...string) string {
			return lasting(c.Server, slices.DeleteFunc(slices.Clone(every), func(s string) bool { return slices.Contains(without, s) })...)
		}
		mode := "any"
		if o.AllScopes {
			mode = "all"
		}
		want := "Insufficient scope, expected " + mode + " of: " + strings.Join(o.Scopes, ",")
		refuses := func(what, token string) {
			got := c.with(token, method, path, nil)
			if got.Status != 403 || got.Doc()["errorCode"] != "insufficient_scope" || got.Message() != want {
				t.Errorf("%s with %s: got %d %s, want 403 %s", name, what, got.Status, clipped(got.Text), want)
			}
		}
		accepts := func(what, token string) {
			if got := c.with(token, method, path, nil); got.Status == 401 || got.Status >= 500 || got.Message() == want {
				t.Errorf("%s with %s: got %d %s", name, what, got.Status, clipped(got.Text))
			}
		}
		refuses("every scope but its own", rest(o.Scopes...))
		refuses("no scope", lasting(c.Server))
		if o.AllScopes {
			for _, scope := range o.Scopes {
				refuses("every scope but "+scope, rest(scope))
			}
			accepts("its scopes", lasting(c.Server, o.Scopes...))
			return
		}
		for _, scope := range o.Scopes {
			accepts(scope+" alone", alone[scope])
		}
	})
}

// TestScopes_OfMembersAreNeededToo changes a client with each of the scopes that open the operation: none of them changes
// what another one is for, not even in the company of what it is for itself.
func TestScopes_OfMembersAreNeededToo(t *testing.T) {
	t.Parallel()
	c := newCaller(servertest.New(t))
	path := "/clients/" + c.must("POST", "/clients", doc{"name": "app"}).Doc()["client_id"].(string)
	const secret = "a-secret-of-somebody-else-0123456789"
	for _, test := range []struct {
		scope string
		body  doc
		needs string
	}{
		{"update:client_keys", doc{"client_secret": secret}, ""},
		{"update:client_keys", doc{"client_secret": secret, "name": "mine"}, "update:clients"},
		{"update:client_keys", doc{"callbacks": items{"https://evil.example.com/"}}, "update:clients"},
		{"update:clients", doc{"name": "changed"}, ""},
		{"update:clients", doc{"name": "mine", "client_secret": secret}, "update:client_keys"},
		{"update:clients", doc{"encryption_key": nil}, "update:client_keys"},
		{"update:client_credentials", doc{"client_authentication_methods": nil}, ""},
		{"update:client_credentials", doc{"client_authentication_methods": nil, "name": "mine"}, "update:clients"},
		{"update:client_token_vault_privileged_access", doc{"name": "mine"}, "update:clients"},
	} {
		got := c.with(lasting(c.Server, test.scope), "PATCH", path, test.body)
		switch {
		case test.needs == "" && got.Status != 200:
			t.Errorf("%s changes %v: got %d %s, want 200", test.scope, test.body, got.Status, got.Text)
		case test.needs != "":
			refused(t, got, 403, "insufficient_scope", "Insufficient scope, expected any of: "+test.needs)
		}
	}
	if got := c.must("GET", path, nil).Doc()["name"]; got != "changed" {
		t.Errorf("name: got %v, want the one that update:clients gave", got)
	}
}

// ofCurrentUser are the scopes that applications may have for their users.
var ofCurrentUser = []string{
	"read:current_user", "update:current_user_identities", "create:current_user_metadata", "update:current_user_metadata", "delete:current_user_metadata",
	"create:current_user_device_credentials", "delete:current_user_device_credentials",
}

func TestUserTokens_ReachTheirOwnUserAlone(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		c := newCaller(s)
		ann, bob := addUser(t, s, "ann@example.com"), addUser(t, s, "bob@example.com")
		user := func(id string) string {
			return s.SignToken(map[string]any{
				"sub": id, "azp": s.SPA.ID, "scope": strings.Join(ofCurrentUser, " "), "exp": s.Clock.Now().AddDate(1, 0, 0).Unix(),
			})
		}
		token := user(ann)
		everyOperation(func(name, method, path string, o *apischema.Operation) {
			own := slices.ContainsFunc(o.Scopes, func(scope string) bool { return slices.Contains(ofCurrentUser, scope) })
			switch got := c.with(token, method, strings.Replace(path, "email%7C0123456789abcdef01234567", escaped(bob), 1), nil); {
			case !own && (got.Status != 403 || got.Doc()["errorCode"] != "insufficient_scope"):
				t.Errorf("%s with a user's token: got %d %s, want 403 insufficient_scope", name, got.Status, clipped(got.Text))
			case own && strings.HasPrefix(o.Path, "/users/{id}"):
				if got.Status != 403 || got.Message() != "User to be acted on does not match subject in bearer token." {
					t.Errorf("%s of another user: got %d %s, want 403", name, got.Status, clipped(got.Text))
				}
				if got := c.with(token, method, strings.Replace(path, "email%7C0123456789abcdef01234567", escaped(ann), 1), nil); got.Status == 401 || got.Status == 403 || got.Status >= 500 {
					t.Errorf("%s of oneself: got %d %s", name, got.Status, clipped(got.Text))
				}
			}
		})
		own := "/users/" + escaped(ann)
		if got := c.with(token, "PATCH", own, doc{"user_metadata": doc{"colour": "blue"}}); got.Status != 200 {
			t.Errorf("own metadata: got %d %s, want 200", got.Status, got.Text)
		}
		for _, body := range []doc{
			{"app_metadata": doc{"admin": true}}, {"blocked": false}, {"email": "carl@example.com"}, {"nickname": "annie"},
			{"user_metadata": doc{}, "app_metadata": doc{"admin": true}}, {"email_verified": true},
		} {
			if got := c.with(token, "PATCH", own, body); got.Status != 403 {
				t.Errorf("own %v: got %d %s, want 403", body, got.Status, got.Text)
			}
		}
		if got := c.must("GET", own, nil).Doc(); got["app_metadata"] != nil || got["email"] != "ann@example.com" {
			t.Errorf("after refused changes: got %v", got)
		}
		s.Block("ann@example.com", true)
		c.must("DELETE", "/users/"+escaped(bob), nil)
		for who, token := range map[string]string{"blocked": token, "deleted": user(bob)} {
			if got := c.with(token, "GET", own, nil); got.Status != 401 {
				t.Errorf("the token of a %s user: got %d %s, want 401", who, got.Status, got.Text)
			}
		}
	})
}

// TestUserTokens_HoldNoScopesOfMachines asks for a token of the Management API as a single-page application may.
func TestUserTokens_HoldNoScopesOfMachines(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	pkce := servertest.NewPKCE()
	browser := s.Browser(t)
	consent := browser.Login(s.AuthorizeURL(s.SPA, "audience", s.Tenant.ManagementAudience(), "code_challenge", pkce.Challenge,
		"code_challenge_method", "S256", "scope", "openid read:current_user read:users update:tenant_settings update:current_user_metadata"), "ann@example.com")
	location := consent.Location(t)
	page := browser.Get(location.String())
	answer := browser.Post(page.URL.String(), map[string][]string{"state": {location.Query().Get("state")}, "action": {"accept"}})
	code := browser.Get(answer.Location(t).String()).Location(t).Query().Get("code")
	tokens := browser.MustToken(map[string][]string{
		"grant_type": {"authorization_code"}, "client_id": {s.SPA.ID}, "code": {code}, "redirect_uri": {servertest.Callback}, "code_verifier": {pkce.Verifier},
	})
	claims := servertest.Claims(t, tokens.AccessToken)
	scopes := strings.Fields(claims["scope"].(string))
	for _, scope := range scopes {
		if scope != "openid" && !slices.Contains(ofCurrentUser, scope) {
			t.Errorf("the token of a user holds %s, which is for machines: %v", scope, scopes)
		}
	}
	if got := s.Call(tokens.AccessToken, "GET", "/users/"+escaped(claims["sub"].(string)), nil); got.Status != 200 {
		t.Errorf("own profile: got %d %s, want 200", got.Status, got.Text)
	}
}
