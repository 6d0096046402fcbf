package devserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Node runs every *.test.js file in the test's folder against the server, each
// as a subtest, with Node trusting the server's authority. Those tests find dev.json by LATCHKEY_DEV_JSON,
// the server's program by LATCHKEY_BINARY, and
// by LATCHKEY_APP_CERT and LATCHKEY_APP_KEY a certificate for pages of their
// own on https://localhost.
func (s *Server) Node(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob("*.test.js")
	if err != nil || len(files) == 0 {
		t.Fatalf("no *.test.js in this folder: %v", err)
	}
	if _, err := os.Stat(filepath.Join(root(), "test", "node_modules")); err != nil {
		t.Fatal("the npm packages of test/package-lock.json are missing: run make prepare")
	}
	cert, key := certificate(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, ".test.js"), func(t *testing.T) {
			t.Parallel()
			s.node(t, file, "LATCHKEY_APP_CERT="+cert, "LATCHKEY_APP_KEY="+key)
		})
	}
}

// node runs one file.
func (s *Server) node(t *testing.T, file string, env ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", "--test", "--test-reporter=spec", file)
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+s.CACert, "LATCHKEY_DEV_JSON="+s.File, Env+"="+s.Binary)
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("node --test %s: %v\n%s", file, err, out)
		return
	}
	t.Logf("%s", out)
}

// certificate writes a self-signed certificate for localhost and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "localhost"},
		DNSNames:     []string{"localhost"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, content []byte) string {
		path := filepath.Join(t.TempDir(), name)
		text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content})
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", pkcs8)
}
