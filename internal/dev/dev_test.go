package dev

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"latchkey/internal/client"
	"latchkey/internal/clock"
	"latchkey/internal/connection"
	"latchkey/internal/resourceserver"
	"latchkey/internal/server"
	"latchkey/internal/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// run runs a development server until the test calls stop, and gives what it wrote about itself and what it said.
func run(t *testing.T, c Config) (d Document, said func() string, stop func()) {
	t.Helper()
	var out bytes.Buffer
	c.Out, c.Log = &out, slog.New(slog.DiscardHandler)
	if c.Listen == "" {
		c.Listen = "localhost:0"
	}
	file := filepath.Join(c.Data, documentFile)
	before, _ := os.Stat(file)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, c) }()
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
	for deadline := time.Now().Add(patience); ; {
		now, err := os.Stat(file)
		if err == nil && (before == nil || !os.SameFile(before, now)) {
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("Run ended: %v", err)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			cancel()
			t.Fatal("no dev.json")
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d, func() string { stop(); return out.String() }, stop
}

// reopen opens a stopped server's database.
func reopen(t *testing.T, data string) *server.Database {
	t.Helper()
	keyset, err := openKeyset(data)
	if err != nil {
		t.Fatal(err)
	}
	db, err := server.OpenDatabase(t.Context(), server.DatabaseOptions{URL: filepath.Join(data, databaseFile), Keyset: keyset})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestRun_MakesTheSampleDataAndFindsItAgain(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "new", "folder")
	first, _, stop := run(t, Config{Data: data})
	stop()
	second, said, _ := run(t, Config{Data: data, NoTLS: true})
	greeting := said()

	if first.CACert == nil || second.CACert != nil || first.DashboardURL != nil {
		t.Errorf("ca_cert %v and %v, dashboard_url %v", first.CACert, second.CACert, first.DashboardURL)
	}
	if !strings.HasPrefix(first.Issuer, "https://localhost:") || !strings.HasPrefix(second.Issuer, "http://localhost:") ||
		second.Issuer != "http://"+second.Domain+"/" || second.Management.Audience != second.Issuer+"api/v2/" {
		t.Errorf("issuers %s and %s, audience %s", first.Issuer, second.Issuer, second.Management.Audience)
	}
	if first.Management.Secret != second.Management.Secret || first.Web != second.Web || first.SPA != second.SPA || first.Native != second.Native {
		t.Errorf("the values did not survive:\n%+v\n%+v", first, second)
	}
	for _, want := range []string{"Never for production", *second.SampleAppURL, second.InboxURL, second.Issuer} {
		if !strings.Contains(greeting, want) {
			t.Errorf("the greeting lacks %s: %s", want, greeting)
		}
	}

	db := reopen(t, data)
	dev, err := db.TenantNamed(t.Context(), sampleTenant)
	if err != nil {
		t.Fatal(err)
	}
	checkTenant(t, db, dev, second)
}

// checkTenant holds a sample tenant to what its document promises.
func checkTenant(t *testing.T, db *server.Database, made *tenant.Tenant, d Document) {
	t.Helper()
	ctx := t.Context()
	if !made.Settings.SkipCallbackConfirmation || !made.Settings.PAR() || len(made.Settings.Locales()) != 6 {
		t.Errorf("settings %+v", made.Settings)
	}
	samples := []string{d.Web.ClientID, d.SPA.ClientID, d.Native.ClientID}
	for id, want := range map[string]struct {
		appType, method, rotation string
		grants                    []string
	}{
		d.Web.ClientID: {"regular_web", "client_secret_post", "non-rotating", []string{
			client.GrantAuthorizationCode, client.GrantImplicit, client.GrantRefreshToken, client.GrantClientCredentials, client.GrantPasswordlessOTP}},
		d.SPA.ClientID: {"spa", "none", "rotating", []string{client.GrantAuthorizationCode, client.GrantImplicit, client.GrantRefreshToken}},
		d.Native.ClientID: {"native", "none", "rotating", []string{
			client.GrantAuthorizationCode, client.GrantImplicit, client.GrantRefreshToken, client.GrantPasswordlessOTP}},
	} {
		c, err := db.Store.Client(ctx, made.ID, id)
		if err != nil {
			t.Fatal(err)
		}
		if c.AppType != want.appType || string(c.TokenEndpointAuthMethod) != want.method || c.RefreshToken.RotationType != want.rotation ||
			!slices.Equal(c.GrantTypes, want.grants) || !c.Own().LoopbackRedirects || !c.OIDCConformant {
			t.Errorf("client %+v, want %+v", c, want)
		}
	}
	management, err := db.Store.Client(ctx, made.ID, d.Management.ClientID)
	if err != nil || management.AppType != "non_interactive" || management.Own().LoopbackRedirects {
		t.Errorf("management client %+v, %v", management, err)
	}
	global, err := db.Store.Client(ctx, made.ID, client.MadeID(made.ID, "global"))
	if err != nil || !global.Global || len(global.GrantTypes) != 0 {
		t.Errorf("global client %+v, %v", global, err)
	}
	grant, err := db.Store.ClientGrant(ctx, made.ID, d.Management.ClientID, d.Management.Audience)
	if err != nil || len(grant.Scopes) < 200 || !slices.Contains(grant.Scopes, "update:users") {
		t.Errorf("management grant %+v, %v", grant, err)
	}
	api, err := db.Store.ResourceServer(ctx, made.ID, d.API.Audience)
	if err != nil || !api.AllowOfflineAccess || !api.SkipConsent || api.Algorithm() != "RS256" || !slices.Equal(api.Scopes, sampleScopes) {
		t.Errorf("sample API %+v, %v", api, err)
	}
	if _, err := db.Store.ClientGrant(ctx, made.ID, d.Web.ClientID, sampleAudience); err != nil {
		t.Errorf("the web client's grant: %v", err)
	}
	if _, err := db.Store.ClientGrant(ctx, made.ID, d.Native.ClientID, sampleAudience); err == nil {
		t.Error("a public client may ask for tokens on its own behalf")
	}
	if _, err := db.Store.ResourceServer(ctx, made.ID, "https://other.example.com"); err != resourceserver.ErrNotFound {
		t.Errorf("an API nobody made: %v", err)
	}
	all, err := db.Store.Connections(ctx, made.ID)
	if err != nil || len(all) != 3 {
		t.Fatalf("connections %v, %v", all, err)
	}
	type enabled struct {
		Name     string
		Strategy connection.Strategy
		For      []string
	}
	var got []enabled
	for _, c := range all {
		got = append(got, enabled{c.Name, c.Strategy, c.EnabledClients})
	}
	slices.Sort(samples)
	for i := range got {
		slices.Sort(got[i].For)
	}
	want := []enabled{
		{"email", connection.Email, samples},
		{"sms", connection.SMS, samples},
		{"Username-Password-Authentication", connection.Database, []string{d.Management.ClientID}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("connections (-want +got):\n%s", diff)
	}
}

func TestRun_OpensFurtherTenantsByOneCall(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	d, _, stop := run(t, Config{Data: data, NoTLS: true})
	browser := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := browser.Post(d.InboxURL+"/tenants", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	var more Document
	if err := json.NewDecoder(res.Body).Decode(&more); err != nil || res.StatusCode != http.StatusCreated {
		t.Errorf("POST /tenants: %d, %v", res.StatusCode, err)
	}
	_ = res.Body.Close()
	for issuer, want := range map[string]int{more.Issuer: 200, d.Issuer: 200} {
		res, err := browser.Get(issuer + ".well-known/jwks.json")
		if err != nil || res.StatusCode != want {
			t.Errorf("%s: %v, %v", issuer, res, err)
			continue
		}
		_ = res.Body.Close()
	}
	stop()
	if more.Issuer == d.Issuer || more.Web.ClientID == d.Web.ClientID || more.Web.ClientSecret == d.Web.ClientSecret {
		t.Errorf("the tenants share values: %+v and %+v", d, more)
	}
	db := reopen(t, data)
	site, err := db.Store.Site(t.Context(), more.Domain)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(more.InboxURL, "/of/"+site.Tenant.ID) {
		t.Errorf("inbox_url %s is not that of tenant %s", more.InboxURL, site.Tenant.ID)
	}
	checkTenant(t, db, site.Tenant, more)
}

func TestDomain_IsTheListeningAddressUnlessGiven(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		listen, domain string
		port           int
		noTLS          bool
		want           string
	}{
		{"localhost:8443", "", 8443, false, "https://localhost:8443/"},
		{"localhost:0", "", 41000, false, "https://localhost:41000/"},
		{":8443", "", 8443, false, "https://localhost:8443/"},
		{"0.0.0.0:8443", "", 8443, false, "https://localhost:8443/"},
		{"[::]:8443", "", 8443, false, "https://localhost:8443/"},
		{"[::1]:8443", "", 8443, false, "https://[::1]:8443/"},
		{"127.0.0.1:8080", "", 8080, true, "http://127.0.0.1:8080/"},
		{"localhost:443", "", 443, false, "https://localhost/"},
		{"localhost:443", "login.test", 443, false, "https://login.test/"},
		{"localhost:8443", "login.test:8443", 8443, false, "https://login.test:8443/"},
		{"127.0.0.1:9000", "127.0.0.1:8000", 9000, true, "http://127.0.0.1:8000/"},
	} {
		d := &development{Config: Config{Listen: tc.listen, Domain: tc.domain, NoTLS: tc.noTLS}, port: tc.port}
		got, err := d.domain()
		if err != nil || got.Issuer != tc.want || !strings.Contains(tc.want, "//"+got.Host+"/") {
			t.Errorf("listen %s, domain %q: %+v, %v, want %s", tc.listen, tc.domain, got, err, tc.want)
		}
	}
	for _, domain := range []string{"https://login.test", "login.test/path", "a b", "login.test:99999"} {
		d := &development{Config: Config{Listen: "localhost:8443", Domain: domain}, port: 8443}
		if got, err := d.domain(); err == nil {
			t.Errorf("domain %q became %+v", domain, got)
		}
	}
}

func TestStart_AnswersToLoopbackNamesWithTheOneIssuer(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	d := &development{
		Config: Config{Listen: "127.0.0.1:0", Data: t.TempDir(), Domain: "login.test:1234", NoTLS: true, Out: io.Discard, Log: log},
		front:  server.NewFront(log), clock: clock.System{},
	}
	err := d.start(t.Context())
	defer func() {
		if err := d.front.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if err != nil {
		t.Fatal(err)
	}
	own := ":" + strconv.Itoa(d.port)
	for host, want := range map[string]int{
		"login.test:1234": 200, "localhost" + own: 200, "127.0.0.1" + own: 200, "[::1]" + own: 200,
		"login.test" + own: 404, "login.test": 404, "localhost:1234": 404, "localhost": 404, "evil.test" + own: 404,
	} {
		req, err := http.NewRequest(http.MethodGet, "http://127.0.0.1"+own+"/.well-known/openid-configuration", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var metadata struct{ Issuer string }
		_ = json.NewDecoder(res.Body).Decode(&metadata)
		_ = res.Body.Close()
		if res.StatusCode != want || (want == 200 && metadata.Issuer != "http://login.test:1234/") {
			t.Errorf("Host %s: %d with issuer %q, want %d", host, res.StatusCode, metadata.Issuer, want)
		}
	}
}

func TestSites_LeadOurAddressesToTheConfiguredDomain(t *testing.T) {
	t.Parallel()
	stored := &tenant.Tenant{ID: "t1", Name: "dev", Domain: tenant.Domain{Host: "localhost:1", Issuer: "https://localhost:1/"}}
	other := tenant.Site{Tenant: &tenant.Tenant{ID: "t2"}, Domain: tenant.Domain{Host: "other:1", Issuer: "https://other:1/"}}
	source := &fakeTenants{byID: map[string]*tenant.Tenant{"t1": stored}, byHost: map[string]tenant.Site{"other:1": other}}
	s := newSites(source)
	domain := tenant.Domain{Host: "localhost:2", Issuer: "https://localhost:2/"}
	s.add("t1", domain, "localhost:2", "127.0.0.1:2", "[::1]:2")
	for _, host := range []string{"localhost:2", "127.0.0.1:2", "[::1]:2"} {
		got, err := s.Site(t.Context(), host)
		if err != nil || got.Domain != domain || got.Tenant.Domain != domain || got.Tenant.ID != "t1" {
			t.Errorf("%s: %+v, %v", host, got, err)
		}
	}
	if stored.Domain.Host != "localhost:1" {
		t.Error("the stored tenant was changed")
	}
	if got, err := s.Site(t.Context(), "other:1"); err != nil || got.Tenant.ID != "t2" {
		t.Errorf("a host of the database: %+v, %v", got, err)
	}
	if _, err := s.Site(t.Context(), "localhost:3"); err != tenant.ErrNotFound {
		t.Errorf("a stranger's host: %v", err)
	}
	// A changed tenant is seen.
	source.byID["t1"] = &tenant.Tenant{ID: "t1", Name: "renamed"}
	if got, err := s.Site(t.Context(), "localhost:2"); err != nil || got.Tenant.Name != "renamed" || got.Tenant.Domain != domain {
		t.Errorf("after a change: %+v, %v", got, err)
	}
}

type fakeTenants struct {
	byID   map[string]*tenant.Tenant
	byHost map[string]tenant.Site
}

func (f *fakeTenants) Site(_ context.Context, host string) (tenant.Site, error) {
	if s, ok := f.byHost[host]; ok {
		return s, nil
	}
	return tenant.Site{}, tenant.ErrNotFound
}

func (f *fakeTenants) Tenant(_ context.Context, id string) (*tenant.Tenant, error) {
	return f.byID[id], nil
}

func TestRun_RefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, keysetFile), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]Config{
		"choose another address":     {Listen: taken.Addr().String(), Data: t.TempDir()},
		"not HOST:PORT":              {Listen: "localhost", Data: t.TempDir()},
		"is no host name":            {Listen: "localhost:0", Data: t.TempDir(), Domain: "https://x"},
		"no readable":                {Listen: "localhost:0", Data: broken},
		"make the data folder":       {Listen: "localhost:0", Data: filepath.Join(broken, keysetFile, "x")},
		"must be postgres or sqlite": {Listen: "localhost:0", Data: t.TempDir(), Database: "mysql://x"},
	} {
		c.Out, c.Log = &bytes.Buffer{}, slog.New(slog.DiscardHandler)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		err := Run(ctx, c)
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Run(%+v) = %v, want something about %q", c, err, want)
		}
		if _, err := os.Stat(filepath.Join(c.Data, documentFile)); err == nil {
			t.Errorf("%q: dev.json was written", want)
		}
	}
}

func TestRun_ToldToStopWhileStartingEndsInGoodOrder(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := Config{Listen: "localhost:0", Data: t.TempDir(), Out: io.Discard, Log: slog.New(slog.DiscardHandler)}
	if err := Run(ctx, c); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
	if _, err := os.Stat(filepath.Join(c.Data, documentFile)); err == nil {
		t.Error("dev.json was written")
	}
}

func TestQuoted_IsOneWordForAShell(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/home/ada/dev/ca.pem": "/home/ada/dev/ca.pem", "/my data/ca.pem": "'/my data/ca.pem'", "/it's/$x": `'/it'\''s/$x'`, "/~x": "'/~x'",
	} {
		if got := quoted(path); got != want {
			t.Errorf("quoted(%s) = %s, want %s", path, got, want)
		}
	}
}
