package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// CertificateFile names a certificate chain and its key, both PEM.
type CertificateFile struct {
	Certificate, Key string
}

// reloadEvery is how often certificate files are looked at for a change, at most, and only when a handshake comes.
const reloadEvery = 10 * time.Second

// FileTLS gives a TLS configuration that serves certificates from files. A file that has been replaced is read again
// within seconds; one that cannot be read keeps the certificate that was read before.
func FileTLS(log *slog.Logger, files []CertificateFile) (*tls.Config, error) {
	if len(files) == 0 {
		return nil, errors.New("no certificate file is named")
	}
	set := &certificateFiles{log: log, checked: time.Now()}
	for _, f := range files {
		one := &certificateFile{CertificateFile: f}
		if err := one.load(); err != nil {
			return nil, err
		}
		set.files = append(set.files, one)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: set.get}, nil
}

type certificateFiles struct {
	log *slog.Logger

	mu      sync.Mutex
	checked time.Time
	files   []*certificateFile
}

type certificateFile struct {
	CertificateFile
	modified [2]time.Time
	loaded   *tls.Certificate
}

func (f *certificateFile) load() error {
	modified, err := f.times()
	if err != nil {
		return err
	}
	c, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
	if err != nil {
		return fmt.Errorf("read the certificate %s with the key %s: %w", f.Certificate, f.Key, err)
	}
	f.loaded, f.modified = &c, modified
	return nil
}

func (f *certificateFile) times() (t [2]time.Time, err error) {
	for i, name := range []string{f.Certificate, f.Key} {
		info, err := os.Stat(name)
		if err != nil {
			return t, fmt.Errorf("read a certificate file: %w", err)
		}
		t[i] = info.ModTime()
	}
	return t, nil
}

// get gives the first certificate that fits the name asked for, or the first of all.
func (s *certificateFiles) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.Sub(s.checked) >= reloadEvery {
		s.checked = now
		s.reload()
	}
	for _, f := range s.files {
		if hello.SupportsCertificate(f.loaded) == nil {
			return f.loaded, nil
		}
	}
	return s.files[0].loaded, nil
}

func (s *certificateFiles) reload() {
	for _, f := range s.files {
		modified, err := f.times()
		if err == nil && modified == f.modified {
			continue
		}
		if err == nil {
			err = f.load()
		}
		if err != nil {
			s.log.Error("a certificate file cannot be read again; the former certificate stays", "file", f.Certificate, "err", err)
			continue
		}
		s.log.Info("certificate read again", "file", f.Certificate)
	}
}
