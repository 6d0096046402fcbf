package server

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writeCertificate writes a self-signed certificate and its key, dated so that a rewrite is seen.
func writeCertificate(t *testing.T, f CertificateFile, name string, modified time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{f.Certificate: {Type: "CERTIFICATE", Bytes: der}, f.Key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, modified, modified); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFileTLS_ServesByNameAndReadsReplacedFilesAgain(t *testing.T) {
	t.Parallel()
	dir, then := t.TempDir(), time.Now().Add(-time.Hour)
	one := CertificateFile{filepath.Join(dir, "one.pem"), filepath.Join(dir, "one.key")}
	two := CertificateFile{filepath.Join(dir, "two.pem"), filepath.Join(dir, "two.key")}
	writeCertificate(t, one, "one.example.com", then)
	writeCertificate(t, two, "two.example.com", then)
	var log bytes.Buffer
	config, err := FileTLS(slog.New(slog.NewTextHandler(&log, nil)), []CertificateFile{one, two})
	if err != nil {
		t.Fatal(err)
	}
	set := &certificateFiles{log: slog.New(slog.NewTextHandler(&log, nil))}
	for _, f := range []CertificateFile{one, two} {
		loaded := &certificateFile{CertificateFile: f}
		if err := loaded.load(); err != nil {
			t.Fatal(err)
		}
		set.files = append(set.files, loaded)
	}
	served := func(get func(*tls.ClientHelloInfo) (*tls.Certificate, error), name string) string {
		c, err := get(&tls.ClientHelloInfo{
			ServerName: name, SupportedVersions: []uint16{tls.VersionTLS13}, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
		})
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf.DNSNames[0]
	}
	for name, want := range map[string]string{"one.example.com": "one.example.com", "two.example.com": "two.example.com", "other.example.com": "one.example.com", "": "one.example.com"} {
		if got := served(config.GetCertificate, name); got != want {
			t.Errorf("for %q: %s, want %s", name, got, want)
		}
	}

	writeCertificate(t, two, "new.example.com", then.Add(time.Minute))
	if got := served(set.get, "new.example.com"); got != "new.example.com" {
		t.Errorf("after the file was replaced: %s", got)
	}
	if err := os.WriteFile(two.Certificate, []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	set.checked = time.Time{}
	if got := served(set.get, "new.example.com"); got != "new.example.com" {
		t.Errorf("after the file was broken: %s", got)
	}
	if !strings.Contains(log.String(), "cannot be read again") {
		t.Errorf("log: %s", log.String())
	}
}

func TestFileTLS_RefusesFilesThatDoNotFit(t *testing.T) {
	t.Parallel()
	dir, then := t.TempDir(), time.Now()
	one := CertificateFile{filepath.Join(dir, "one.pem"), filepath.Join(dir, "one.key")}
	two := CertificateFile{filepath.Join(dir, "two.pem"), filepath.Join(dir, "two.key")}
	writeCertificate(t, one, "one.example.com", then)
	writeCertificate(t, two, "two.example.com", then)
	for what, files := range map[string][]CertificateFile{
		"no file":            nil,
		"a missing file":     {{filepath.Join(dir, "none.pem"), one.Key}},
		"the key of another": {{one.Certificate, two.Key}},
		"a key first":        {{one.Key, one.Certificate}},
	} {
		if _, err := FileTLS(slog.New(slog.DiscardHandler), files); err == nil {
			t.Errorf("%s was accepted", what)
		}
	}
}
