package driver

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"os"
	"strings"
	"testing"
	"time"
)

func TestCodeOf_ReadsSubjectOrTextPart(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, message, want string }{
		{"in the subject", "Subject: 012345 is your code\r\n\r\nYour code is 999999.\r\n", "012345"},
		{"in an encoded subject", "Subject: =?UTF-8?q?Ihr_Code_f=C3=BCr_Shop=3A_654321?=\r\n\r\nhello\r\n", "654321"},
		{"in the text", "Subject: Your code\r\n\r\nType this:\r\n\r\n482913\r\n", "482913"},
		{"in the text part beside HTML with colours",
			"Subject: Welcome\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n" +
				"--b\r\nContent-Type: text/html\r\n\r\n<p style=\"color:#112233\">x</p>\r\n" +
				"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nCode: =3A 731=\r\n204\r\n--b--\r\n",
			"731204"},
		{"in a base64 text part",
			"Subject: Welcome\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nY29kZSA1NTU2NjYgaGVyZQ==\r\n", "555666"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := CodeOf([]byte(tt.message))
			if err != nil || got != tt.want {
				t.Errorf("got %q and %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestCodeOf_RefusesAMessageWithoutCode(t *testing.T) {
	t.Parallel()
	for _, message := range []string{
		"Subject: Hello\r\n\r\nNothing to type, order AB123456.\r\n",
		"Subject: Hello\r\nContent-Type: text/html\r\n\r\n<p>123456</p>\r\n",
		"",
	} {
		if got, err := CodeOf([]byte(message)); err == nil {
			t.Errorf("%q: got code %q, want an error", message, got)
		}
	}
}

func TestSink_GivesEachAddressItsNewCode(t *testing.T) {
	t.Parallel()
	sink, err := ListenSink("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	send := func(to, code string) {
		t.Helper()
		message := "Subject: " + code + " is your code\r\n\r\nbye\r\n"
		if err := smtp.SendMail(sink.listener.Addr().String(), nil, "from@example.com", []string{to}, []byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	send("a@example.com", "111111")
	send("b@example.com", "222222")
	if err := sink.Forget(t.Context(), "a@example.com"); err != nil {
		t.Fatal(err)
	}
	send("a@example.com", "333333")
	for address, want := range map[string]string{"a@example.com": "333333", "b@example.com": "222222"} {
		if got, err := sink.Code(t.Context(), address); err != nil || got != want {
			t.Errorf("%s: got %q and %v, want %q", address, got, err, want)
		}
	}
	if got := sink.Received(); got != 3 {
		t.Errorf("received %d messages, want 3", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sink.Code(ended, "nobody@example.com"); !errors.Is(err, context.Canceled) {
		t.Errorf("an address without mail: got %v, want the end of its context", err)
	}
}

func TestTargets_OutsideLoopbackAreRefused(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{
		"https://example.com/", "http://192.0.2.1:8080/", "http://localhost.example.com/", "http://0.0.0.0:1/", "http://[2001:db8::1]/",
	} {
		if _, err := NewClient(Target{Issuer: issuer, ClientID: "c"}, ""); !errors.Is(err, ErrNotLoopback) {
			t.Errorf("%s: got %v, want a refusal", issuer, err)
		}
	}
	for _, issuer := range []string{"http://localhost:8080/", "http://127.0.0.1/", "https://[::1]:8443/"} {
		if _, err := NewClient(Target{Issuer: issuer, ClientID: "c"}, ""); err != nil {
			t.Errorf("%s: got %v, want a client", issuer, err)
		}
	}
	if _, err := ListenSink("0.0.0.0:0"); !errors.Is(err, ErrNotLoopback) {
		t.Errorf("a sink for everybody: got %v, want a refusal", err)
	}
	// A name may resolve to anything: what counts is where the connection goes.
	if _, err := dialLoopback("")(t.Context(), "tcp", "192.0.2.1:80"); !errors.Is(err, ErrNotLoopback) {
		t.Errorf("dial a remote address: got %v, want a refusal", err)
	}
}

func TestClient_TellsRefusalFromUnknownOutcome(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/passwordless/start":
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte(`{"error":"too_many_requests","error_description":"wait"}`))
		case "/oauth/token":
			w.WriteHeader(http.StatusInternalServerError)
		default:
			panic(http.ErrAbortHandler)
		}
	}))
	defer server.Close()
	c, err := NewClient(Target{Issuer: server.URL + "/", ClientID: "c"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context(), "a@example.com"); !Refused(err) || !strings.Contains(err.Error(), "too_many_requests") {
		t.Errorf("429: got %v, want a refusal that says so", err)
	}
	if _, err := c.Refresh(t.Context(), "x"); err == nil || Refused(err) {
		t.Errorf("500: got %v, want an unknown outcome", err)
	}
	if _, err := c.JWKS(t.Context()); err == nil || Refused(err) {
		t.Errorf("broken connection: got %v, want an unknown outcome", err)
	}
}

func TestClient_ReachesTheNodeItIsTold(t *testing.T) {
	t.Parallel()
	hosts := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { hosts <- r.Host }))
	defer server.Close()
	c, err := NewClient(Target{
		Issuer: "http://login.example.com/", ClientID: "c", Dial: server.Listener.Addr().(*net.TCPAddr).String(),
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := <-hosts, "login.example.com"; got != want {
		t.Errorf("the node was asked for host %q, want %q", got, want)
	}
}

func TestParseStat_SurvivesHostileNames(t *testing.T) {
	t.Parallel()
	text := "123 (a) R 1 (b)) S 77 1 1 0 -1 4194304 1 2 3 4 150 50 25 75 20 0 9 0 100 1000000 300 18446744073709551615\n"
	got, err := parseStat([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := procStat{parent: 77, own: 2 * time.Second, reaped: time.Second, residentMemory: 300 * int64(os.Getpagesize())}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if _, err := parseStat([]byte("gone")); err == nil {
		t.Error("nonsense was accepted")
	}
}

func TestParseMachine_LeavesIdleTimeOut(t *testing.T) {
	t.Parallel()
	got, err := parseMachine([]byte("cpu  100 20 30 9999 8888 1 2 47 5 5\ncpu0 1 1 1 1 1 1 1 1 1 1\n"))
	if want := 2 * time.Second; err != nil || got != want {
		t.Errorf("got %v and %v, want %v", got, err, want)
	}
	if _, err := parseMachine([]byte("intr 1 2 3 4 5 6 7 8 9\n")); err == nil {
		t.Error("nonsense was accepted")
	}
}

func TestCPU_GrowsWithWork(t *testing.T) {
	t.Parallel()
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if now, err := CPU(os.Getpid()); err != nil || now > before {
			if err != nil {
				t.Fatal(err)
			}
			family, err := FamilyCPU(os.Getpid())
			if err != nil || family < now {
				t.Errorf("the family used %v (%v), less than its member's %v", family, err, now)
			}
			return
		}
	}
	t.Error("ten seconds of work used no processor time")
}

func TestSubject_ReadsOnlySignedTokensWithASub(t *testing.T) {
	t.Parallel()
	if got, err := Subject("e30.eyJzdWIiOiJlbWFpbHwxIn0.c2ln"); err != nil || got != "email|1" {
		t.Errorf("got %q and %v, want email|1", got, err)
	}
	for _, token := range []string{"", "a.b", "e30.e30.c2ln", "e30.!.c2ln"} {
		if got, err := Subject(token); err == nil {
			t.Errorf("%q: got %q, want an error", token, got)
		}
	}
}
