package driver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Sink is a mail server that keeps the code of every message and nothing else. Start the server under load with
// --smtp and the sink's URL. It is safe for concurrent use.
type Sink struct {
	listener net.Listener
	server   *smtp.Server
	done     chan struct{}

	mu        sync.Mutex
	mailboxes map[string]chan string
	received  int
}

// ListenSink opens a sink on a loopback address such as "127.0.0.1:2525" or "127.0.0.1:0".
func ListenSink(address string) (*Sink, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if err := refuseRemoteHost(host); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &Sink{listener: listener, done: make(chan struct{}), mailboxes: map[string]chan string{}}
	s.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &sinkSession{sink: s}, nil
	}))
	s.server.Domain = "localhost"
	s.server.ErrorLog = log.New(io.Discard, "", 0)
	s.server.MaxMessageBytes = 1 << 20
	go func() {
		defer close(s.done)
		_ = s.server.Serve(listener) // ends with an error when Close is called, as it should
	}()
	return s, nil
}

// URL gives the value for the server's --smtp flag.
func (s *Sink) URL() string { return "smtp://" + s.listener.Addr().String() }

// Close stops the sink.
func (s *Sink) Close() error {
	err := s.server.Close()
	<-s.done
	return err
}

// Received gives the number of messages that have arrived.
func (s *Sink) Received() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.received
}

// Forget implements Codes.
func (s *Sink) Forget(_ context.Context, address string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mailboxes, address)
	return nil
}

// Code implements Codes: it waits until a message for the address has arrived, at most 30 seconds.
func (s *Sink) Code(ctx context.Context, address string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	box := s.mailbox(address)
	select {
	case code := <-box:
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.mailboxes[address] == box && len(box) == 0 {
			delete(s.mailboxes, address)
		}
		return code, nil
	case <-ctx.Done():
		return "", fmt.Errorf("no message for %s: %w", address, ctx.Err())
	}
}

func (s *Sink) mailbox(address string) chan string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mailboxLocked(address)
}

func (s *Sink) mailboxLocked(address string) chan string {
	box := s.mailboxes[address]
	if box == nil {
		box = make(chan string, 16)
		s.mailboxes[address] = box
	}
	return box
}

func (s *Sink) deliver(address, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received++
	select {
	case s.mailboxLocked(address) <- code:
	default: // sixteen unread codes: nobody is waiting
	}
}

// sinkSession is one SMTP session.
type sinkSession struct {
	sink *Sink
	to   []string
}

func (s *sinkSession) Reset()                               { s.to = nil }
func (s *sinkSession) Logout() error                        { return nil }
func (s *sinkSession) Mail(string, *smtp.MailOptions) error { return nil }
func (s *sinkSession) Rcpt(a string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, a)
	return nil
}

func (s *sinkSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	code, err := CodeOf(text)
	if err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: err.Error()}
	}
	for _, address := range s.to {
		s.sink.deliver(address, code)
	}
	return nil
}

// A code stands alone: no digit or letter touches it.
var codePattern = regexp.MustCompile(`(?:^|[^0-9A-Za-z#&])([0-9]{4,12})(?:[^0-9A-Za-z]|$)`)

// CodeOf reads the code from a message: from the subject, else from the text part.
func CodeOf(message []byte) (string, error) {
	m, err := mail.ReadMessage(bufio.NewReader(bytes.NewReader(message)))
	if err != nil {
		return "", err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err == nil {
		if found := codePattern.FindStringSubmatch(subject); found != nil {
			return found[1], nil
		}
	}
	text, err := textPart(m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body)
	if err != nil {
		return "", err
	}
	if found := codePattern.FindStringSubmatch(text); found != nil {
		return found[1], nil
	}
	return "", errors.New("the message holds no code")
}

// textPart finds the first text/plain part, also inside nested multiparts.
func textPart(contentType, encoding string, body io.Reader) (string, error) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		media = "text/plain"
	}
	if !strings.HasPrefix(media, "multipart/") {
		if media != "text/plain" {
			return "", errors.New("the message holds no text part")
		}
		switch strings.ToLower(encoding) {
		case "quoted-printable":
			body = quotedprintable.NewReader(body)
		case "base64":
			body = base64.NewDecoder(base64.StdEncoding, body)
		}
		text, err := io.ReadAll(body)
		return string(text), err
	}
	for parts := multipart.NewReader(body, params["boundary"]); ; {
		part, err := parts.NextRawPart()
		if err != nil {
			return "", fmt.Errorf("look for the text part: %w", err)
		}
		text, err := textPart(part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part)
		if err == nil {
			return text, nil
		}
	}
}
