package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"latchkey/internal/apierr"
	"latchkey/internal/clock"
	"latchkey/internal/ident"
	"latchkey/internal/seal"
	"latchkey/internal/store"
	"latchkey/internal/web/httpx"
)

// SharedFiles keeps small files that all nodes share: the certificates and accounts of ACME. Names are paths with
// slashes. All methods are safe for concurrent use; what Put wrote, every node's File gives at once.
type SharedFiles interface {
	// PutFile writes a file, whether or not it exists.
	PutFile(ctx context.Context, f store.SharedFile) error
	// File gives a file, or an error of kind not_found.
	File(ctx context.Context, name string) (store.SharedFile, error)
	// Files lists the file called name and those below it (name + "/"), all of them for "", by name and without content.
	Files(ctx context.Context, name string) ([]store.SharedFile, error)
	// DeleteFiles deletes the file called name and those below it. That there is none is no error.
	DeleteFiles(ctx context.Context, name string) error
	// TakeLease gives the lease called name to holder until a time, when nobody else holds it at now; holder's own lease
	// is prolonged. It reports whether holder has it.
	TakeLease(ctx context.Context, name, holder string, now, until time.Time) (bool, error)
	// ReleaseLease ends holder's lease.
	ReleaseLease(ctx context.Context, name, holder string) error
}

// ACMEConfig says where certificates come from (RFC 8555).
type ACMEConfig struct {
	// Email is the account's contact.
	Email string
	// Directory is the address of the certificate authority; empty means Let's Encrypt.
	Directory string
	// Roots are the authorities that the directory's own certificate is checked with; nil means the system's.
	Roots *x509.CertPool
	// Port is where tls-alpn-01 (RFC 8737) reaches our listener on this machine; it is 443 seen from outside.
	Port int
	// Sites decides for which names a certificate is asked for: those that a tenant answers on, no others.
	Sites httpx.Sites
	Files SharedFiles
	Keys  *seal.Keyset
	Clock clock.Clock
	Log   *slog.Logger
}

// ACMETLS gives a TLS configuration whose certificates are obtained by ACME at the first handshake for a tenant's domain,
// kept in the database (sealed) for all nodes, and renewed in time. Stop ends the renewals.
func ACMETLS(c ACMEConfig) (config *tls.Config, stop func()) {
	logger := zap.New(&zapToSlog{log: c.Log})
	var magic *certmagic.Config
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return magic, nil },
		Logger:           logger,
	})
	magic = certmagic.New(cache, certmagic.Config{
		Storage: &certificateStorage{files: c.Files, keys: c.Keys, clock: c.Clock, holder: ident.Hex(8), held: map[string]bool{}},
		Logger:  logger,
		OnDemand: &certmagic.OnDemandConfig{DecisionFunc: func(ctx context.Context, name string) error {
			_, err := c.Sites.Site(ctx, name)
			return err
		}},
	})
	magic.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(magic, certmagic.ACMEIssuer{
		CA: c.Directory, Email: c.Email, Agreed: true, TrustedRoots: c.Roots,
		DisableHTTPChallenge: true, AltTLSALPNPort: c.Port, Logger: logger,
	})}
	config = magic.TLSConfig()
	config.MinVersion = tls.VersionTLS12
	config.NextProtos = append([]string{"h2", "http/1.1"}, config.NextProtos...)
	return config, cache.Stop
}

// certificateStorage is certmagic's storage on SharedFiles. Contents are sealed: private keys are among them.
type certificateStorage struct {
	files  SharedFiles
	keys   *seal.Keyset
	clock  clock.Clock
	holder string

	mu   sync.Mutex
	held map[string]bool // locks taken here: the lease alone would let this process in twice
}

const (
	leaseLife = 2 * time.Minute
	leasePoll = 500 * time.Millisecond
	filePlace = "shared_files"
)

// Store implements certmagic.Storage.
func (s *certificateStorage) Store(ctx context.Context, key string, value []byte) error {
	sealed, err := s.keys.Seal(value, filePlace, key)
	if err != nil {
		return err
	}
	return s.files.PutFile(ctx, store.SharedFile{Name: key, Content: sealed, Size: int64(len(value)), Modified: s.clock.Now()})
}

// Load implements certmagic.Storage.
func (s *certificateStorage) Load(ctx context.Context, key string) ([]byte, error) {
	f, err := s.files.File(ctx, key)
	if err != nil {
		return nil, notExist(key, err)
	}
	value, err := s.keys.Open(f.Content, filePlace, key)
	if err != nil {
		return nil, fmt.Errorf("open the shared file %s: %w", key, err)
	}
	return value, nil
}

// Delete implements certmagic.Storage.
func (s *certificateStorage) Delete(ctx context.Context, key string) error {
	return s.files.DeleteFiles(ctx, key)
}

// Exists implements certmagic.Storage.
func (s *certificateStorage) Exists(ctx context.Context, key string) bool {
	found, err := s.files.Files(ctx, key)
	return err == nil && len(found) > 0
}

// List implements certmagic.Storage.
func (s *certificateStorage) List(ctx context.Context, path string, recursive bool) ([]string, error) {
	files, err := s.files.Files(ctx, path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		name := f.Name
		if !recursive {
			below := strings.TrimPrefix(strings.TrimPrefix(name, path), "/")
			first, _, _ := strings.Cut(below, "/")
			name = strings.TrimPrefix(path+"/"+first, "/")
		}
		if name != path && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, notExist(path, apierr.New(apierr.NotFound, "no_file", "There is no such file."))
	}
	return names, nil
}

// Stat implements certmagic.Storage.
func (s *certificateStorage) Stat(ctx context.Context, key string) (certmagic.KeyInfo, error) {
	files, err := s.files.Files(ctx, key)
	if err != nil {
		return certmagic.KeyInfo{}, err
	}
	if len(files) == 0 {
		return certmagic.KeyInfo{}, notExist(key, apierr.New(apierr.NotFound, "no_file", "There is no such file."))
	}
	if files[0].Name != key {
		return certmagic.KeyInfo{Key: key}, nil
	}
	return certmagic.KeyInfo{Key: key, Size: files[0].Size, Modified: files[0].Modified, IsTerminal: true}, nil
}

// Lock implements certmagic.Locker with a lease in the database, which ends by itself when its node dies.
func (s *certificateStorage) Lock(ctx context.Context, name string) error {
	for {
		taken, err := s.tryLock(ctx, name)
		if err != nil || taken {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(leasePoll):
		}
	}
}

func (s *certificateStorage) tryLock(ctx context.Context, name string) (bool, error) {
	s.mu.Lock()
	if s.held[name] {
		s.mu.Unlock()
		return false, nil
	}
	s.held[name] = true
	s.mu.Unlock()
	now := s.clock.Now()
	taken, err := s.files.TakeLease(ctx, name, s.holder, now, now.Add(leaseLife))
	if err != nil || !taken {
		s.forget(name)
	}
	return taken, err
}

// Unlock implements certmagic.Locker.
func (s *certificateStorage) Unlock(ctx context.Context, name string) error {
	defer s.forget(name)
	return s.files.ReleaseLease(context.WithoutCancel(ctx), name, s.holder)
}

// RenewLockLease implements certmagic.LockLeaseRenewer.
func (s *certificateStorage) RenewLockLease(ctx context.Context, name string, d time.Duration) error {
	now := s.clock.Now()
	taken, err := s.files.TakeLease(ctx, name, s.holder, now, now.Add(d))
	if err == nil && !taken {
		err = errors.New("another node holds the lease")
	}
	return err
}

func (s *certificateStorage) forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, name)
}

// notExist gives certmagic the error it asks for.
func notExist(name string, err error) error {
	if apierr.KindOf(err) == apierr.NotFound {
		return fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return err
}

// zapToSlog hands the certificate library's log to ours.
type zapToSlog struct {
	log    *slog.Logger
	fields []zapcore.Field
}

// Enabled implements zapcore.Core.
func (z *zapToSlog) Enabled(level zapcore.Level) bool {
	return z.log.Enabled(context.Background(), slogLevel(level))
}

// With implements zapcore.Core.
func (z *zapToSlog) With(fields []zapcore.Field) zapcore.Core {
	return &zapToSlog{log: z.log, fields: append(slices.Clip(z.fields), fields...)}
}

// Check implements zapcore.Core.
func (z *zapToSlog) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if z.Enabled(e.Level) {
		return ce.AddCore(e, z)
	}
	return ce
}

// Write implements zapcore.Core.
func (z *zapToSlog) Write(e zapcore.Entry, fields []zapcore.Field) error {
	enc := zapcore.NewMapObjectEncoder()
	for _, f := range append(slices.Clip(z.fields), fields...) {
		f.AddTo(enc)
	}
	attrs := make([]slog.Attr, 0, len(enc.Fields)+1)
	for name, value := range enc.Fields {
		attrs = append(attrs, slog.Any(name, value))
	}
	slices.SortFunc(attrs, func(a, b slog.Attr) int { return strings.Compare(a.Key, b.Key) })
	z.log.LogAttrs(context.Background(), slogLevel(e.Level), "certificates: "+e.Message, attrs...)
	return nil
}

// Sync implements zapcore.Core.
func (*zapToSlog) Sync() error { return nil }

// slogLevel gives the level of the same meaning.
func slogLevel(level zapcore.Level) slog.Level {
	switch {
	case level >= zapcore.ErrorLevel:
		return slog.LevelError
	case level == zapcore.WarnLevel:
		return slog.LevelWarn
	case level == zapcore.InfoLevel:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}
