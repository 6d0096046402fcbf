package dev

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func verify(a *Authority, leaf *x509.Certificate, name string, at time.Time) error {
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: a.Pool(), CurrentTime: at})
	return err
}

func TestAuthority_CertificatesCoverLoopbackAndTheDomain(t *testing.T) {
	t.Parallel()
	a, err := OpenAuthority(t.TempDir(), now)
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Certificate(now, "login.test", "localhost", "192.0.2.7", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "login.test", "192.0.2.7"} {
		if err := verify(a, c.Leaf, name, now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"example.com", "a.login.test", "127.0.0.2"} {
		if verify(a, c.Leaf, name, now) == nil {
			t.Errorf("the certificate is good for %s", name)
		}
	}
	if verify(a, c.Leaf, "localhost", now.Add(398*24*time.Hour)) == nil {
		t.Error("the certificate outlives what browsers accept")
	}
	if n := len(c.Leaf.DNSNames) + len(c.Leaf.IPAddresses); n != 5 {
		t.Errorf("%d names, want 5: %v %v", n, c.Leaf.DNSNames, c.Leaf.IPAddresses)
	}
}

func TestAuthority_IsKeptAndItsKeyIsPrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := OpenAuthority(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	again, err := OpenAuthority(dir, now.Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	c, err := again.Certificate(now)
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(first, c.Leaf, "localhost", now); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, authorityKeyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file: %v, %v", info.Mode(), err)
	}
	late, err := OpenAuthority(dir, now.Add(authorityLife))
	if err != nil || late.certificate.Equal(first.certificate) {
		t.Errorf("an authority at its end was kept: %v", err)
	}
}

func TestAuthority_RefusesFilesItDidNotMake(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, err := OpenAuthority(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.Path, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAuthority(dir, now); err == nil || !strings.Contains(err.Error(), "delete it and its key") {
		t.Errorf("got %v, want a sentence that says what to do", err)
	}
}
