package servertest

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	_ "embed" // for the signing keys
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/clock"
	"latchkey/internal/connection"
	"latchkey/internal/egress"
	"latchkey/internal/ident"
	"latchkey/internal/key"
	"latchkey/internal/message"
	"latchkey/internal/resource"
	"latchkey/internal/resourceserver"
	"latchkey/internal/seal"
	"latchkey/internal/server"
	"latchkey/internal/store"
	"latchkey/internal/store/storetest"
	"latchkey/internal/tenant"
	"latchkey/internal/web/httpx"
	"latchkey/test/pg"
)

// What the seeded tenant holds.
const (
	Callback      = "https://app.example.com/callback"
	OtherCallback = "https://app.example.com/other"
	LoggedOut     = "https://app.example.com/bye"
	WebOrigin     = "https://app.example.com"
	Audience      = "https://api.example.com/"
)

// Server is a running server and its tenant.
type Server struct {
	T        testing.TB
	URL      string // without a slash at the end
	Issuer   string
	Tenant   *tenant.Tenant
	Clock    *clock.Fake
	Database *server.Database
	Inbox    *message.Inbox

	Web    *client.Client // confidential
	Secret string         // of Web
	SPA    *client.Client // public, rotating refresh tokens
	Native *client.Client // public, with the passwordless grant
	M2M    *client.Client // confidential, client_credentials
	M2MKey string         // secret of M2M

	egress egress.Config
	app    *server.App
	log    *logBuffer
	url    string // of the database
	keyset *seal.Keyset
}

// Each runs a test on a fresh server over each database.
func Each(t *testing.T, test func(t *testing.T, s *Server)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, New(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, NewPostgres(t))
	})
}

// EachEgress is Each for servers whose tenants' services stand where the configuration says.
func EachEgress(t *testing.T, c egress.Config, test func(t *testing.T, s *Server)) {
	t.Helper()
	if c.Resolver == nil {
		c.Resolver = nowhere
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, NewEgress(t, c))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, newPostgres(t, c))
	})
}

// New runs a fresh server over SQLite until the test ends.
func New(t testing.TB) *Server {
	t.Helper()
	return NewEgress(t, egress.Config{})
}

// NewEgress is New for a server whose tenants' services stand where the configuration says.
func NewEgress(t testing.TB, c egress.Config) *Server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "data.db")
	if err := os.WriteFile(file, sqliteTemplate(t), 0o600); err != nil {
		t.Fatal(err)
	}
	if c.Resolver == nil {
		c.Resolver = nowhere
	}
	return start(t, file, c)
}

// nowhere knows no name: tests stay on this machine.
var nowhere = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("tests look up no names")
}}

// NewPostgres runs a fresh server over PostgreSQL until the test ends.
func NewPostgres(t testing.TB) *Server {
	t.Helper()
	return newPostgres(t, egress.Config{Resolver: nowhere})
}

func newPostgres(t testing.TB, c egress.Config) *Server {
	t.Helper()
	return start(t, pg.Template(t, "servertest", func(url string) error { return migrate(url) }), c)
}

// migrated is the bytes of an empty SQLite database of this version.
var migrated = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "servertest")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "template.db")
	if err := migrate(file); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

func sqliteTemplate(t testing.TB) []byte {
	t.Helper()
	data, err := migrated()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func migrate(url string) error {
	db, err := store.Open(context.Background(), url, store.Options{})
	if err != nil {
		return err
	}
	return errors.Join(db.Migrate(context.Background()), db.Close())
}

func start(t testing.TB, url string, c egress.Config) *Server {
	t.Helper()
	keyset, err := seal.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{T: t, Clock: clock.NewFake(time.Now()), log: &logBuffer{}, url: url, keyset: keyset, egress: c}
	s.serve(t)
	s.seed(t, "test")
	return s
}

// OtherTenant makes one more tenant at the same server, seeded like the first one, and gives the server as that tenant's.
func (s *Server) OtherTenant(t testing.TB, name string) *Server {
	t.Helper()
	listener := httptest.NewServer(s.app.Handler(false))
	t.Cleanup(listener.Close)
	other := *s
	other.T, other.URL, other.Issuer = t, listener.URL, listener.URL+"/"
	other.seed(t, name)
	return &other
}

// Node runs one more server of the same tenant over the same database, as another machine would.
func (s *Server) Node(t testing.TB) *Server {
	t.Helper()
	node := *s
	node.T = t
	node.serve(t)
	domain := tenant.Domain{Host: strings.TrimPrefix(node.URL, "http://"), Issuer: s.Issuer}
	if err := node.Database.Store.AddDomain(context.Background(), s.Tenant.ID, domain); err != nil {
		t.Fatal(err)
	}
	node.Issuer = s.Issuer
	return &node
}

// serve opens the database and listens.
func (s *Server) serve(t testing.TB) {
	t.Helper()
	ctx := context.Background()
	database, err := server.OpenDatabase(ctx, server.DatabaseOptions{URL: s.url, Keyset: s.keyset, Clock: s.Clock})
	if err != nil {
		t.Fatal(err)
	}
	database.Keys = key.New(key.Config{Store: database.Store, Seal: s.keyset, Clock: s.Clock, Generate: fixedKey})
	app, err := server.NewApp(server.AppConfig{
		Database: database, Log: logger(t, s.log), Metrics: server.NewMetrics("test"), KeepInbox: true, Worker: worker, Egress: s.egress,
		Proxies: httpx.Proxies{netip.MustParsePrefix("127.0.0.0/8")},
	})
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(app.Handler(false))
	t.Cleanup(func() {
		listener.Close()
		if err := errors.Join(app.Close(ctx), database.Close()); err != nil {
			t.Errorf("stop the server: %v", err)
		}
	})
	s.URL, s.Issuer = listener.URL, listener.URL+"/"
	s.Database, s.Inbox, s.app = database, app.Inbox, app
}

// logger writes the operator's log into a buffer, and to the test's output where LATCHKEY_TEST_LOG is set.
func logger(t testing.TB, buffer *logBuffer) *slog.Logger {
	var w io.Writer = buffer
	if os.Getenv("LATCHKEY_TEST_LOG") != "" {
		w = io.MultiWriter(buffer, t.Output())
	}
	return server.NewLog(w, "text", slog.LevelDebug)
}

// seed makes a tenant with its clients, connection and API.
func (s *Server) seed(t testing.TB, name string) {
	t.Helper()
	ctx := context.Background()
	made, err := s.Database.CreateTenant(ctx, server.NewTenant{
		Name: name, Domain: strings.TrimPrefix(s.URL, "http://"), Settings: tenant.Settings{FriendlyName: "Test Tenant"},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Tenant = made.Tenant
	s.Web, s.Secret = s.AddClient(&client.Client{
		Name: "Test Web", AppType: "regular_web", TokenEndpointAuthMethod: client.AuthPost,
		GrantTypes: []string{client.GrantAuthorizationCode, client.GrantImplicit, client.GrantRefreshToken, client.GrantPasswordlessOTP},
	})
	s.SPA, _ = s.AddClient(&client.Client{
		Name: "Test SPA", AppType: "spa", TokenEndpointAuthMethod: client.AuthNone,
		GrantTypes:   []string{client.GrantAuthorizationCode, client.GrantImplicit, client.GrantRefreshToken},
		RefreshToken: client.RefreshPolicy{RotationType: "rotating", ExpirationType: "expiring"},
	})
	s.Native, _ = s.AddClient(&client.Client{
		Name: "Test Native", AppType: "native", TokenEndpointAuthMethod: client.AuthNone,
		GrantTypes:   []string{client.GrantAuthorizationCode, client.GrantRefreshToken, client.GrantPasswordlessOTP},
		RefreshToken: client.RefreshPolicy{RotationType: "rotating", ExpirationType: "expiring"},
	})
	s.M2M, s.M2MKey = s.AddClient(&client.Client{
		Name: "Test Service", AppType: "non_interactive", TokenEndpointAuthMethod: client.AuthPost,
		GrantTypes: []string{client.GrantClientCredentials},
	})
	s.must(s.Database.EnsureAPI(ctx, s.Tenant.ID, &resourceserver.ResourceServer{
		Identifier: Audience, Name: "Test API", AllowOfflineAccess: true, SkipConsent: true,
		Scopes: []resourceserver.Scope{{Value: "read:orders", Description: "See orders"}, {Value: "write:orders"}},
	}))
	s.must(s.Database.EnsureGrant(ctx, s.Tenant.ID, s.M2M.ID, Audience, []string{"read:orders"}))
	s.AddConnection(&connection.Connection{Name: "email", Strategy: connection.Email}, s.Web, s.SPA, s.Native)
}

// AddClient registers a client of the test's tenant. Callbacks, logout URLs and origins are the seeded ones unless set.
func (s *Server) AddClient(c *client.Client) (*client.Client, string) {
	s.T.Helper()
	c.ID, c.OIDCConformant = ident.ClientID(), true
	if c.Callbacks == nil {
		c.Callbacks = []string{Callback, OtherCallback}
	}
	if c.AllowedLogoutURLs == nil {
		c.AllowedLogoutURLs = []string{LoggedOut}
	}
	if c.WebOrigins == nil {
		c.WebOrigins = []string{WebOrigin}
	}
	stored, secret, err := s.Database.EnsureClient(context.Background(), s.Tenant.ID, c)
	s.must(err)
	return stored, secret
}

// AddConnection makes a connection and enables it for clients.
func (s *Server) AddConnection(c *connection.Connection, clients ...*client.Client) *connection.Connection {
	s.T.Helper()
	c.ID, c.CreatedAt = ident.ConnectionID(), s.Clock.Now()
	for _, one := range clients {
		c.EnabledClients = append(c.EnabledClients, one.ID)
	}
	s.must(s.Database.Store.CreateConnection(context.Background(), s.Tenant.ID, c))
	return c
}

// ChangeConnection changes a stored connection.
func (s *Server) ChangeConnection(name string, change func(*connection.Connection)) {
	s.T.Helper()
	ctx := context.Background()
	all, err := s.Database.Store.Connections(ctx, s.Tenant.ID)
	s.must(err)
	c := *connection.Find(all, name)
	change(&c)
	s.must(storetest.Replace(ctx, s.Database.Store, s.Tenant.ID, resource.Connections, c.ID, &c, c.Sealed))
}

// ChangeClient changes a stored client.
func (s *Server) ChangeClient(id string, change func(*client.Client)) {
	s.T.Helper()
	ctx := context.Background()
	stored, err := s.Database.Store.Client(ctx, s.Tenant.ID, id)
	s.must(err)
	c := *stored
	change(&c)
	secrets := map[string][]byte{}
	if c.SecretSealed != nil {
		secrets[client.SecretName] = c.SecretSealed
	}
	s.must(storetest.Replace(ctx, s.Database.Store, s.Tenant.ID, resource.Clients, c.ID, &c, secrets))
}

// ChangeSettings changes the tenant's settings.
func (s *Server) ChangeSettings(change func(*tenant.Settings)) {
	s.T.Helper()
	ctx := context.Background()
	t, err := s.Database.Store.Tenant(ctx, s.Tenant.ID)
	s.must(err)
	settings := t.Settings
	change(&settings)
	s.must(storetest.Replace(ctx, s.Database.Store, s.Tenant.ID, resource.Settings, resource.TenantSettings, settings, nil))
}

// Block blocks or unblocks the user of an address.
func (s *Server) Block(email string, blocked bool) {
	s.T.Helper()
	ctx := context.Background()
	u, _, err := s.Database.Store.Find(ctx, s.Tenant.ID, "email", email)
	s.must(err)
	if u == nil {
		s.T.Fatalf("there is no user %s to block", email)
	}
	u.Blocked = blocked
	s.must(s.Database.Store.UpdateUser(ctx, s.Tenant.ID, u))
}

func (s *Server) must(err error) {
	s.T.Helper()
	if err != nil {
		s.T.Fatal(err)
	}
}

//go:embed testdata/keys.pem
var keyPEM []byte

var keys = sync.OnceValue(func() []*rsa.PrivateKey {
	var list []*rsa.PrivateKey
	for rest := keyPEM; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return list
		}
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			panic(err)
		}
		list = append(list, parsed.(*rsa.PrivateKey))
	}
})

var (
	nextKey   int
	nextKeyMu sync.Mutex
)

// fixedKey hands out the fixed keys in turn: making RSA keys is not what is tested.
func fixedKey() (*rsa.PrivateKey, error) {
	nextKeyMu.Lock()
	defer nextKeyMu.Unlock()
	nextKey++
	return keys()[nextKey%len(keys())], nil
}
