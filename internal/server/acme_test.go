package server

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"latchkey/internal/apierr"
	"latchkey/internal/clock"
	"latchkey/internal/seal"
	"latchkey/internal/store"
	"latchkey/internal/tenant"
)

// acmeServer is a certificate authority that speaks as much of RFC 8555 as an order by tls-alpn-01 needs, and checks what
// it is told: signatures, nonces, the challenge's certificate (RFC 8737) and the names of the request.
type acmeServer struct {
	*httptest.Server
	t      *testing.T
	target string // where tls-alpn-01 connects, for every name
	key    *ecdsa.PrivateKey
	root   *x509.Certificate

	mu      sync.Mutex
	nonces  map[string]bool
	account *jose.JSONWebKey
	orders  []*acmeOrder
}

type acmeOrder struct {
	name, token, status string
	valid               bool
	chain               []byte
}

func newACMEServer(t *testing.T) *acmeServer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test ACME root"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a := &acmeServer{t: t, key: key, root: root, nonces: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /directory", func(w http.ResponseWriter, _ *http.Request) {
		a.answer(w, 200, map[string]string{
			"newNonce": a.URL + "/nonce", "newAccount": a.URL + "/account", "newOrder": a.URL + "/order",
			"revokeCert": a.URL + "/revoke", "keyChange": a.URL + "/key-change",
		})
	})
	mux.HandleFunc("/nonce", func(w http.ResponseWriter, _ *http.Request) { a.answer(w, 200, nil) })
	mux.HandleFunc("POST /account", a.newAccount)
	mux.HandleFunc("POST /order", a.newOrder)
	mux.HandleFunc("POST /order/{n}", a.signed(func(w http.ResponseWriter, o *acmeOrder, _ []byte) { a.answerOrder(w, 200, o) }))
	mux.HandleFunc("POST /authorization/{n}", a.signed(func(w http.ResponseWriter, o *acmeOrder, _ []byte) { a.answer(w, 200, a.authorization(o)) }))
	mux.HandleFunc("POST /challenge/{n}", a.signed(a.challenge))
	mux.HandleFunc("POST /finalize/{n}", a.signed(a.finalize))
	mux.HandleFunc("POST /certificate/{n}", a.signed(func(w http.ResponseWriter, o *acmeOrder, _ []byte) {
		a.nonce(w)
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_, _ = w.Write(o.chain)
	}))
	a.Server = httptest.NewTLSServer(mux)
	t.Cleanup(a.Close)
	return a
}

func (a *acmeServer) nonce(w http.ResponseWriter) {
	n := base64.RawURLEncoding.EncodeToString([]byte(rand.Text()))
	a.nonces[n] = true
	w.Header().Set("Replay-Nonce", n)
}

// answer must be called with the lock held, or for answers that touch nothing.
func (a *acmeServer) answer(w http.ResponseWriter, status int, v any) {
	a.nonce(w)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if v != nil {
		_ = json.NewEncoder(w).Encode(v)
	}
}

func (a *acmeServer) problem(w http.ResponseWriter, kind, detail string) {
	a.t.Logf("the certificate authority refuses: %s: %s", kind, detail)
	a.answer(w, 400, map[string]any{"type": "urn:ietf:params:acme:error:" + kind, "detail": detail, "status": 400})
}

// read checks the request's JWS with key, or with the key in its header when key is nil, and gives its payload.
func (a *acmeServer) read(r *http.Request, key *jose.JSONWebKey) ([]byte, *jose.JSONWebKey, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, nil, err
	}
	jws, err := jose.ParseSignedJSON(string(body), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil, nil, err
	}
	header := jws.Signatures[0].Protected
	if key == nil {
		key = header.JSONWebKey
	}
	if key == nil || !a.nonces[header.Nonce] || header.ExtraHeaders["url"] != a.URL+r.URL.Path {
		return nil, nil, fmt.Errorf("nonce %q, url %v", header.Nonce, header.ExtraHeaders["url"])
	}
	delete(a.nonces, header.Nonce)
	payload, err := jws.Verify(key)
	return payload, key, err
}

func (a *acmeServer) newAccount(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, key, err := a.read(r, nil)
	if err != nil {
		a.problem(w, "malformed", err.Error())
		return
	}
	a.account = key
	w.Header().Set("Location", a.URL+"/account/1")
	a.answer(w, 201, map[string]any{"status": "valid", "orders": a.URL + "/orders"})
}

func (a *acmeServer) newOrder(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	payload, _, err := a.read(r, a.account)
	var order struct {
		Identifiers []struct{ Type, Value string }
	}
	if err != nil || json.Unmarshal(payload, &order) != nil || len(order.Identifiers) != 1 {
		a.problem(w, "malformed", fmt.Sprint("order: ", err))
		return
	}
	o := &acmeOrder{name: order.Identifiers[0].Value, token: rand.Text(), status: "pending"}
	a.orders = append(a.orders, o)
	w.Header().Set("Location", a.url("order", o))
	a.answerOrder(w, 201, o)
}

func (a *acmeServer) url(what string, o *acmeOrder) string {
	return fmt.Sprintf("%s/%s/%d", a.URL, what, slices.Index(a.orders, o))
}

func (a *acmeServer) answerOrder(w http.ResponseWriter, status int, o *acmeOrder) {
	v := map[string]any{
		"status": o.status, "identifiers": []map[string]string{{"type": "dns", "value": o.name}},
		"authorizations": []string{a.url("authorization", o)}, "finalize": a.url("finalize", o),
	}
	if o.chain != nil {
		v["certificate"] = a.url("certificate", o)
	}
	a.answer(w, status, v)
}

func (a *acmeServer) authorization(o *acmeOrder) map[string]any {
	status := map[bool]string{true: "valid", false: "pending"}[o.valid]
	return map[string]any{
		"status": status, "identifier": map[string]string{"type": "dns", "value": o.name},
		"challenges": []map[string]string{{"type": "tls-alpn-01", "url": a.url("challenge", o), "token": o.token, "status": status}},
	}
}

// signed wraps a handler of one order.
func (a *acmeServer) signed(h func(http.ResponseWriter, *acmeOrder, []byte)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		payload, _, err := a.read(r, a.account)
		var n int
		if _, scan := fmt.Sscan(r.PathValue("n"), &n); err != nil || scan != nil || n >= len(a.orders) {
			a.problem(w, "malformed", fmt.Sprint(r.URL.Path, ": ", err))
			return
		}
		h(w, a.orders[n], payload)
	}
}

func (a *acmeServer) challenge(w http.ResponseWriter, o *acmeOrder, _ []byte) {
	if err := a.validate(o); err != nil {
		a.problem(w, "unauthorized", err.Error())
		return
	}
	o.valid, o.status = true, "ready"
	a.answer(w, 200, a.authorization(o)["challenges"].([]map[string]string)[0])
}

// validate does what RFC 8737 section 3 asks of the authority.
func (a *acmeServer) validate(o *acmeOrder) error {
	thumb, err := a.account.Thumbprint(crypto.SHA256)
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(o.token + "." + base64.RawURLEncoding.EncodeToString(thumb)))
	conn, err := tls.Dial("tcp", a.target, &tls.Config{ServerName: o.name, NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true}) //nolint:gosec // the challenge's certificate is self-signed
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	state := conn.ConnectionState()
	leaf := state.PeerCertificates[0]
	if state.NegotiatedProtocol != "acme-tls/1" || !slices.Equal(leaf.DNSNames, []string{o.name}) {
		return fmt.Errorf("protocol %q, names %v", state.NegotiatedProtocol, leaf.DNSNames)
	}
	for _, ext := range leaf.Extensions {
		var got []byte
		if ext.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}) && ext.Critical {
			if _, err := asn1.Unmarshal(ext.Value, &got); err == nil && slices.Equal(got, digest[:]) {
				return nil
			}
		}
	}
	return errors.New("the certificate does not hold the key authorization")
}

func (a *acmeServer) finalize(w http.ResponseWriter, o *acmeOrder, payload []byte) {
	var req struct{ CSR string }
	if json.Unmarshal(payload, &req) != nil || !o.valid {
		a.problem(w, "orderNotReady", o.status)
		return
	}
	der, _ := base64.RawURLEncoding.DecodeString(req.CSR)
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil || csr.CheckSignature() != nil || !slices.Equal(csr.DNSNames, []string{o.name}) {
		a.problem(w, "badCSR", fmt.Sprint(err))
		return
	}
	leaf, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: csr.DNSNames,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(12 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.root, csr.PublicKey, a.key)
	if err != nil {
		a.problem(w, "serverInternal", err.Error())
		return
	}
	o.chain = append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw})...)
	o.status = "valid"
	a.answerOrder(w, 200, o)
}

// memoryFiles are SharedFiles in memory.
type memoryFiles struct {
	mu     sync.Mutex
	files  map[string]store.SharedFile
	leases map[string]lease
}

type lease struct {
	holder string
	until  time.Time
}

func newMemoryFiles() *memoryFiles {
	return &memoryFiles{files: map[string]store.SharedFile{}, leases: map[string]lease{}}
}

func (m *memoryFiles) PutFile(_ context.Context, f store.SharedFile) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files[f.Name] = f
	return nil
}

func (m *memoryFiles) File(_ context.Context, name string) (store.SharedFile, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, ok := m.files[name]
	if !ok {
		return f, apierr.New(apierr.NotFound, "no_file", "There is no such file.")
	}
	return f, nil
}

func (m *memoryFiles) Files(_ context.Context, name string) ([]store.SharedFile, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []store.SharedFile
	for _, f := range m.files {
		if name == "" || f.Name == name || strings.HasPrefix(f.Name, name+"/") {
			f.Content = nil
			found = append(found, f)
		}
	}
	slices.SortFunc(found, func(a, b store.SharedFile) int { return strings.Compare(a.Name, b.Name) })
	return found, nil
}

func (m *memoryFiles) DeleteFiles(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for f := range m.files {
		if f == name || strings.HasPrefix(f, name+"/") {
			delete(m.files, f)
		}
	}
	return nil
}

func (m *memoryFiles) TakeLease(_ context.Context, name, holder string, now, until time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l, ok := m.leases[name]; ok && l.holder != holder && l.until.After(now) {
		return false, nil
	}
	m.leases[name] = lease{holder, until}
	return true, nil
}

func (m *memoryFiles) ReleaseLease(_ context.Context, name, holder string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.leases[name].holder == holder {
		delete(m.leases, name)
	}
	return nil
}

type knownHost string

func (k knownHost) Site(_ context.Context, host string) (tenant.Site, error) {
	if host != string(k) {
		return tenant.Site{}, tenant.ErrNotFound
	}
	return tenant.Site{}, nil
}

func newKeyset(t *testing.T) *seal.Keyset {
	t.Helper()
	k, err := seal.NewKeyset()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestACME_CertificatesAreObtainedForKnownHostsOnlyAndShared(t *testing.T) {
	t.Parallel()
	authority := newACMEServer(t)
	directory := x509.NewCertPool()
	directory.AddCert(authority.Certificate())
	files, keys := newMemoryFiles(), newKeyset(t)

	// node starts a node and gives the address of its listener.
	node := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		config, stop := ACMETLS(ACMEConfig{
			Email: "ops@example.com", Directory: authority.URL + "/directory", Roots: directory, Port: Port(l),
			Sites: knownHost("login.example.com"), Files: files, Keys: keys, Clock: clock.System{}, Log: slog.New(slog.DiscardHandler),
		})
		f := NewFront(slog.New(slog.DiscardHandler))
		f.OnStop("certificates", func(context.Context) error { stop(); return nil })
		if err := f.Serve(Door{Listener: l, TLS: config, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.Proto)
		})}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			if err := f.Stop(ctx); err != nil {
				t.Error(err)
			}
		})
		return l.Addr().String()
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.root)
	get := func(address, host string) (string, error) {
		client := &http.Client{Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: roots},
			ForceAttemptHTTP2: true,
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				var d net.Dialer
				return d.DialContext(ctx, network, address)
			},
		}}
		defer client.CloseIdleConnections()
		res, err := client.Get("https://" + host + "/")
		if err != nil {
			return "", err
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		return string(body), err
	}

	first := node()
	authority.target = first
	if _, err := get(first, "stranger.example.com"); err == nil {
		t.Error("a host that no tenant answers on got a certificate")
	}
	if got := len(authority.orders); got != 0 {
		t.Fatalf("%d orders for a stranger's host, want 0", got)
	}
	if got, err := get(first, "login.example.com"); err != nil || got != "HTTP/2.0" {
		t.Fatalf("got %q, %v", got, err)
	}
	second := node()
	if got, err := get(second, "login.example.com"); err != nil || got != "HTTP/2.0" {
		t.Fatalf("second node: got %q, %v", got, err)
	}
	if got := len(authority.orders); got != 1 {
		t.Errorf("%d orders for two nodes, want 1", got)
	}
	for name, f := range files.files {
		if strings.Contains(string(f.Content), "PRIVATE KEY") {
			t.Errorf("%s is stored unsealed", name)
		}
	}
}

func TestCertificateStorage_KeepsThePromisesOfTheLibrary(t *testing.T) {
	t.Parallel()
	ctx, now := t.Context(), clock.NewFake(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))
	files, keys := newMemoryFiles(), newKeyset(t)
	node := func() *certificateStorage {
		return &certificateStorage{files: files, keys: keys, clock: now, holder: rand.Text(), held: map[string]bool{}}
	}
	a, b := node(), node()
	for _, key := range []string{"acme/ca/sites/one.crt", "acme/ca/sites/one.key", "acme/ca/users/u.json", "acme2/x"} {
		if err := a.Store(ctx, key, []byte("content of "+key)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := b.Load(ctx, "acme/ca/sites/one.key"); err != nil || string(got) != "content of acme/ca/sites/one.key" {
		t.Errorf("Load = %q, %v", got, err)
	}
	for path, want := range map[string]string{"acme": "acme/ca", "acme/ca": "acme/ca/sites acme/ca/users", "acme/ca/sites": "acme/ca/sites/one.crt acme/ca/sites/one.key"} {
		if got, err := b.List(ctx, path, false); err != nil || strings.Join(got, " ") != want {
			t.Errorf("List(%s) = %v, %v, want %s", path, got, err, want)
		}
	}
	if got, err := b.List(ctx, "acme", true); err != nil || len(got) != 3 {
		t.Errorf("List recursively = %v, %v", got, err)
	}
	if info, err := b.Stat(ctx, "acme/ca"); err != nil || info.IsTerminal {
		t.Errorf("Stat of a folder = %+v, %v", info, err)
	}
	if info, err := b.Stat(ctx, "acme2/x"); err != nil || !info.IsTerminal || info.Size != 18 || !info.Modified.Equal(now.Now()) {
		t.Errorf("Stat of a file = %+v, %v", info, err)
	}
	if err := b.Delete(ctx, "acme/ca"); err != nil || a.Exists(ctx, "acme/ca/sites/one.key") || !a.Exists(ctx, "acme2") {
		t.Errorf("after Delete: %v, %v", err, files.files)
	}
	for what, err := range map[string]error{
		"Load":   func() error { _, err := a.Load(ctx, "acme/ca/users/u.json"); return err }(),
		"Stat":   func() error { _, err := a.Stat(ctx, "acme/ca"); return err }(),
		"List":   func() error { _, err := a.List(ctx, "acme/ca", true); return err }(),
		"Delete": errors.Join(a.Delete(ctx, "nothing"), fs.ErrNotExist),
	} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of nothing = %v, want fs.ErrNotExist", what, err)
		}
	}

	if err := a.Lock(ctx, "order"); err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]*certificateStorage{"another node": b, "the same node": a} {
		if taken, err := other.tryLock(ctx, "order"); taken || err != nil {
			t.Errorf("%s: lock taken %v, %v", name, taken, err)
		}
	}
	if err := b.RenewLockLease(ctx, "order", time.Minute); err == nil {
		t.Error("another node renewed the lease")
	}
	if err := a.Unlock(ctx, "order"); err != nil {
		t.Fatal(err)
	}
	if err := b.Lock(ctx, "order"); err != nil {
		t.Fatal(err)
	}
	now.Advance(leaseLife + time.Second) // b has died
	if err := a.Lock(ctx, "order"); err != nil {
		t.Errorf("the lease of a dead node: %v", err)
	}
}
