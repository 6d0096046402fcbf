// Package devserver runs `latchkey dev` as its users do, in a process of its
// own, and lets tests in JavaScript run against it.
//
// A server ends with its test, gracefully, and with the test process whatever
// ends that one.
package devserver

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Env names the variable that holds the path of a built latchkey. Without it
// each server is built first.
const Env = "LATCHKEY_BINARY"

// patience is how long a server may take to start or to stop on a busy machine.
const patience = 60 * time.Second

// Server is a running development server: what its dev.json says, and where
// that file is.
type Server struct {
	Issuer       string `json:"issuer"`
	Domain       string `json:"domain"`
	CACert       string `json:"ca_cert"`
	DashboardURL string `json:"dashboard_url"`
	InboxURL     string `json:"inbox_url"`
	SampleAppURL string `json:"sample_app_url"`
	Management   struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
		Audience     string `json:"audience"`
	} `json:"management"`
	SPA struct {
		ClientID string `json:"client_id"`
	} `json:"spa"`
	Web struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	} `json:"web"`
	Native struct {
		ClientID string `json:"client_id"`
	} `json:"native"`
	API struct {
		Audience string `json:"audience"`
	} `json:"api"`

	// File is the path of dev.json, and Binary the program that runs.
	File   string `json:"-"`
	Binary string `json:"-"`
}

// watchScript runs the server and ends it gracefully when standard input
// closes, which happens even when the process that holds the other end is
// killed.
const watchScript = `
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
{ cat <&3 >/dev/null; kill -TERM $server; } 2>/dev/null &
wait $server
`

// Start runs a development server with a data folder and ports of its own until
// the test ends. More arguments are handed to `latchkey dev`.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	data := t.TempDir()
	program := binary(t)
	command := append([]string{"-c", watchScript, "sh", program, "dev", "--listen", "localhost:0", "--data", data}, args...)
	cmd := exec.Command("/bin/sh", command...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt reaches it through us
	var log output
	cmd.Stdout, cmd.Stderr = &log, &log
	lease, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start latchkey dev: %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	t.Cleanup(func() {
		lease.Close()
		select {
		case err := <-ended:
			if err != nil && !t.Failed() {
				t.Errorf("latchkey dev did not stop cleanly: %v\n%s", err, log.tail())
			}
		case <-time.After(patience):
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			t.Errorf("latchkey dev did not stop in %s\n%s", patience, log.tail())
		}
		if t.Failed() {
			t.Logf("the end of what latchkey dev said:\n%s", log.tail())
		}
	})

	s := &Server{File: filepath.Join(data, "dev.json"), Binary: program}
	deadline := time.After(patience)
	for {
		if text, err := os.ReadFile(s.File); err == nil && json.Unmarshal(text, s) == nil {
			return s
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("latchkey dev ended before it wrote dev.json: %v\n%s", err, log.tail())
		case <-deadline:
			t.Fatalf("latchkey dev wrote no dev.json in %s\n%s", patience, log.tail())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// binary returns the path of a latchkey built from this tree.
func binary(t testing.TB) string {
	t.Helper()
	if path := os.Getenv(Env); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "latchkey")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./cmd/latchkey")
	cmd.Dir = root()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build latchkey: %v\n%s", err, out)
	}
	return path
}

// root returns the folder of the module, which is two above this file's.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// output keeps what a process says.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

var _ io.Writer = (*output)(nil)

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// tail returns the last few thousand bytes said, and what the race detector
// said before them.
func (o *output) tail() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	const enough = 6000
	text := o.text.Bytes()
	end := max(0, len(text)-enough)
	race := bytes.Index(text, []byte("WARNING: DATA RACE"))
	if race < 0 || race >= end {
		return bytes.Clone(text[end:])
	}
	return bytes.Clone(text[race:min(len(text), race+enough)])
}
