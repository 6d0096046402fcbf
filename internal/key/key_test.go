package key_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // fingerprints are defined so
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/clock"
	"latchkey/internal/ident"
	"latchkey/internal/jwt"
	"latchkey/internal/key"
	"latchkey/internal/seal"
	"latchkey/internal/store"
	"latchkey/internal/store/storetest"
	"latchkey/internal/tenant"
)

// fixed is one RSA key for all: making them is not what is tested.
var fixed = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// bench is the keys of a tenant over a real database.
type bench struct {
	*key.Keys
	db     *store.DB
	clock  *clock.Fake
	tenant *tenant.Tenant
}

func newBench(t *testing.T) *bench {
	t.Helper()
	set, err := seal.NewKeyset()
	must(t, err)
	b := &bench{db: storetest.Open(t, storetest.SQLite(t), store.Options{}), clock: clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))}
	b.Keys = key.New(key.Config{Store: b.db, Seal: set, Clock: b.clock, Generate: fixed})
	id := ident.ObjectID()
	host := id + ".example"
	b.tenant = &tenant.Tenant{ID: id, Name: id, Domain: tenant.Domain{Host: host, Issuer: "https://" + host + "/"}, CreatedAt: b.clock.Now()}
	must(t, b.db.CreateTenant(t.Context(), b.tenant))
	must(t, b.Create(t.Context(), b.tenant))
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// list gives the tenant's keys as they are shown.
func (b *bench) list(t *testing.T) []key.Shown {
	t.Helper()
	all, err := b.List(t.Context(), b.tenant.ID)
	must(t, err)
	shown := make([]key.Shown, len(all))
	for i, k := range all {
		shown[i], err = k.Shown()
		must(t, err)
	}
	return shown
}

// sign makes a token with the current key.
func (b *bench) sign(t *testing.T) string {
	t.Helper()
	s, err := b.Signer(t.Context(), b.tenant.ID, jwt.RS256)
	must(t, err)
	token, err := s.Sign("JWT", map[string]string{"sub": "x"})
	must(t, err)
	return token
}

func (b *bench) verify(t *testing.T, token string) error {
	t.Helper()
	keys, err := b.Verifiers(t.Context(), b.tenant.ID)
	must(t, err)
	return jwt.Verify(token, keys, &struct{}{})
}

func (b *bench) published(t *testing.T) []string {
	t.Helper()
	set, err := b.JWKS(t.Context(), b.tenant.ID)
	must(t, err)
	var ids []string
	for _, k := range set.Keys {
		ids = append(ids, k.KeyID)
	}
	return ids
}

func TestRotate_MovesEveryKeyOneOnAndTellsWhen(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	began := b.clock.Now()
	before := b.list(t)
	b.clock.Advance(time.Hour)
	id, err := b.Rotate(t.Context(), b.tenant)
	must(t, err)
	rotated := b.clock.Now()
	after := b.list(t)
	if len(before) != 2 || len(after) != 3 {
		t.Fatalf("got %d keys and then %d, want 2 and 3", len(before), len(after))
	}
	for name, c := range map[string]struct {
		shown                   key.Shown
		id                      string
		current, next, previous bool
		since, until            time.Time
	}{
		"the first":           {before[0], before[0].KeyID, true, false, false, began, time.Time{}},
		"its next":            {before[1], before[1].KeyID, false, true, false, time.Time{}, time.Time{}},
		"the current one now": {after[0], id, true, false, false, rotated, time.Time{}},
		"the next one now":    {after[1], after[1].KeyID, false, true, false, time.Time{}, time.Time{}},
		"the previous one":    {after[2], before[0].KeyID, false, false, true, began, rotated},
	} {
		s := c.shown
		if s.KeyID != c.id || s.Current != c.current || s.Next != c.next || s.Previous != c.previous || s.Revoked ||
			!same(s.CurrentSince, c.since) || !same(s.CurrentUntil, c.until) || s.RevokedAt != nil {
			t.Errorf("%s: got %+v, want %+v", name, s, c)
		}
	}
	if id != before[1].KeyID {
		t.Errorf("key %s signs, want %s", id, before[1].KeyID)
	}
}

func same(got *time.Time, want time.Time) bool {
	return got == nil && want.IsZero() || got != nil && got.Equal(want)
}

func TestRotate_OfTwoThatWerePreparedOneIsSaved(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first, err := b.PrepareRotation(t.Context(), b.tenant)
	must(t, err)
	second, err := b.PrepareRotation(t.Context(), b.tenant)
	must(t, err)
	must(t, b.SaveRotation(t.Context(), b.tenant.ID, first))
	if err := b.SaveRotation(t.Context(), b.tenant.ID, second); apierr.KindOf(err) != apierr.Conflict {
		t.Errorf("got %v, want a conflict", err)
	}
	if n := len(b.list(t)); n != 3 {
		t.Errorf("got %d keys, want 3", n)
	}
}

func TestRevoke_EndsAPreviousKeyAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	token := b.sign(t)
	old := b.list(t)[0].KeyID
	_, err := b.Rotate(t.Context(), b.tenant)
	must(t, err)
	must(t, b.verify(t, token))
	if !slices.Contains(b.published(t), old) {
		t.Errorf("the previous key is not published")
	}
	b.clock.Advance(time.Minute)
	revoked, err := b.Revoke(t.Context(), b.tenant.ID, old)
	must(t, err)
	shown, err := revoked.Shown()
	must(t, err)
	if shown.KeyID != old || !shown.Revoked || shown.Previous || !same(shown.RevokedAt, b.clock.Now()) || shown.CurrentUntil == nil {
		t.Errorf("got %+v, want it revoked now", shown)
	}
	if err := b.verify(t, token); !errors.Is(err, jwt.ErrInvalid) {
		t.Errorf("a token of the revoked key is %v, want refused", err)
	}
	if slices.Contains(b.published(t), old) {
		t.Errorf("the revoked key is published")
	}
	must(t, b.verify(t, b.sign(t)))
	if all := b.list(t); len(all) != 3 || !all[2].Revoked {
		t.Errorf("got %+v, want the revoked key at the end", all)
	}
	at := b.clock.Now()
	b.clock.Advance(time.Minute)
	again, err := b.Revoke(t.Context(), b.tenant.ID, old)
	if err != nil || !again.RevokedAt.Equal(at) {
		t.Errorf("revoked again at %v, %v, want %v", again, err, at)
	}
}

func TestRevoke_RefusesKeysInUseAndOthers(t *testing.T) {
	t.Parallel()
	b, other := newBench(t), newBench(t)
	_, err := other.Rotate(t.Context(), other.tenant)
	must(t, err)
	all := b.list(t)
	for id, want := range map[string]error{
		all[0].KeyID: key.ErrInUse, all[1].KeyID: key.ErrInUse, "unknown": key.ErrNotFound, other.list(t)[2].KeyID: key.ErrNotFound,
	} {
		if _, err := b.Revoke(t.Context(), b.tenant.ID, id); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	if _, err := b.Get(t.Context(), b.tenant.ID, other.list(t)[0].KeyID); !errors.Is(err, key.ErrNotFound) {
		t.Errorf("got %v for another tenant's key, want not found", err)
	}
	if len(b.published(t)) != 2 {
		t.Errorf("the key set changed")
	}
}

func TestShown_HasTheCertificateInTheFormsOfAuth0(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.list(t)[0]
	for kind, text := range map[string]string{"CERTIFICATE": s.Certificate, "PKCS7": s.PKCS7} {
		if !strings.HasPrefix(text, "-----BEGIN "+kind+"-----\r\n") || !strings.HasSuffix(text, "\r\n-----END "+kind+"-----\r\n") ||
			strings.Count(text, "\n") != strings.Count(text, "\r\n") {
			t.Errorf("got %q, want PEM of %s with CRLF", text, kind)
		}
	}
	block, _ := pem.Decode([]byte(s.Certificate))
	certificate, err := x509.ParseCertificate(block.Bytes)
	must(t, err)
	if got := certificate.Subject.CommonName; got != b.tenant.Domain.Host {
		t.Errorf("the certificate is for %s", got)
	}
	sum := sha1.Sum(block.Bytes) //nolint:gosec // fingerprints are defined so
	if want := strings.ToUpper(hex.EncodeToString(sum[:])); s.Thumbprint != want || strings.ReplaceAll(s.Fingerprint, ":", "") != want || len(s.Fingerprint) != 59 {
		t.Errorf("got thumbprint %s and fingerprint %s, want those of %s", s.Thumbprint, s.Fingerprint, want)
	}
	text, err := json.Marshal(b.list(t)[1])
	must(t, err)
	var members map[string]any
	must(t, json.Unmarshal(text, &members))
	for _, name := range []string{"kid", "cert", "pkcs7", "fingerprint", "thumbprint", "next"} {
		if members[name] == nil {
			t.Errorf("member %s is missing", name)
		}
		delete(members, name)
	}
	if len(members) > 0 {
		t.Errorf("members %v are too much for the next key", members)
	}
}

// The envelope is read by what reads such files elsewhere.
func TestShown_OpenSSLFindsTheCertificateInPKCS7(t *testing.T) {
	t.Parallel()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	b := newBench(t)
	s := b.list(t)[0]
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, path, "pkcs7", "-print_certs")
	c.Stdin = strings.NewReader(s.PKCS7)
	out, err := c.Output()
	must(t, err)
	got, _ := pem.Decode(out[strings.Index(string(out), "-----BEGIN"):])
	want, _ := pem.Decode([]byte(s.Certificate))
	if got == nil || !slices.Equal(got.Bytes, want.Bytes) {
		t.Errorf("openssl printed %s", out)
	}
}
