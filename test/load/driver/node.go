package driver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Build compiles the product into dir, as it is released, and gives the path of the binary.
func Build(ctx context.Context, dir string) (string, error) {
	module, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	binary := filepath.Join(dir, "latchkey")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, "./cmd/latchkey")
	build.Dir = strings.TrimSpace(string(module))
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the server: %w\n%s", err, said)
	}
	return binary, nil
}

// DevOptions say how a development server is started.
type DevOptions struct {
	Binary   string
	Listen   string // host:port; port 0 is a free one
	Data     string // folder of data and dev.json
	SMTP     string // URL of a sink
	Database string // postgres URL, or empty for SQLite in Data
	Domain   string // the tenant's domain, or empty for the address of Listen
	// More are further arguments.
	More []string
}

// Node is a running server process. It ends with Stop or Kill, and with the process that started it.
type Node struct {
	PID int
	// Dev is what the server wrote about itself.
	Dev DevJSON
	// FirstAnswer is the time from the start of the process to its first answer to a tenant's request. It is known
	// when Listen named a port.
	FirstAnswer time.Duration

	ended chan struct{}
	err   error
	log   *logTail
}

// StartDev starts a development server on plain HTTP and waits until it answers.
func StartDev(ctx context.Context, o DevOptions) (*Node, error) {
	args := []string{"dev", "--no-tls", "--listen", o.Listen, "--data", o.Data}
	for flag, value := range map[string]string{"--smtp": o.SMTP, "--database": o.Database, "--domain": o.Domain} {
		if value != "" {
			args = append(args, flag, value)
		}
	}
	note := filepath.Join(o.Data, "dev.json")
	before := modified(note)
	began := time.Now()
	n, err := startProcess(o.Binary, append(args, o.More...))
	if err != nil {
		return nil, err
	}
	if known, err := ReadDevJSON(note); err == nil && !strings.HasSuffix(o.Listen, ":0") {
		err := n.await(ctx, time.Millisecond, func() bool { return answers(ctx, known.Issuer, o.Listen) })
		if err != nil {
			return nil, errors.Join(err, n.Kill())
		}
		n.FirstAnswer = time.Since(began)
	}
	// dev.json is written once connections are accepted; an older one stays until then.
	err = n.await(ctx, 10*time.Millisecond, func() bool {
		if modified(note).Equal(before) {
			return false
		}
		d, err := ReadDevJSON(note)
		n.Dev = d
		return err == nil && answers(ctx, d.Issuer, "")
	})
	if err != nil {
		return nil, errors.Join(err, n.Kill())
	}
	return n, nil
}

// StartProcess starts the server with any arguments and waits until it answers for the issuer at address.
func StartProcess(ctx context.Context, binary string, args []string, issuer, address string) (*Node, error) {
	n, err := startProcess(binary, args)
	if err != nil {
		return nil, err
	}
	if err := n.await(ctx, 5*time.Millisecond, func() bool { return answers(ctx, issuer, address) }); err != nil {
		return nil, errors.Join(err, n.Kill())
	}
	return n, nil
}

// startProcess starts the program on a thread that lives as long as it does, because the kernel's promise to end the
// child with its parent is bound to the thread that started it.
func startProcess(binary string, args []string) (*Node, error) {
	n := &Node{ended: make(chan struct{}), log: &logTail{}}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		cmd := exec.Command(binary, args...)
		cmd.Stdout, cmd.Stderr = n.log, n.log
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		n.PID = cmd.Process.Pid
		started <- nil
		n.err = cmd.Wait()
		close(n.ended)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	return n, nil
}

// await asks ready again and again until it holds, the process ends, or a minute has passed.
func (n *Node) await(ctx context.Context, every time.Duration, ready func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for !ready() {
		select {
		case <-n.ended:
			return fmt.Errorf("the server ended: %v\n%s", n.err, n.Log())
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w\n%s", ctx.Err(), n.Log())
		case <-time.After(every):
		}
	}
	return nil
}

// Stop asks the server to end and waits; a server that does not end within 15 seconds is killed, which is an error.
func (n *Node) Stop() error {
	if n.signal(syscall.SIGTERM) {
		select {
		case <-n.ended:
		case <-time.After(15 * time.Second):
			return errors.Join(errors.New("the server did not end when asked to"), n.Kill())
		}
	}
	if n.err != nil {
		return fmt.Errorf("the server ended with %w\n%s", n.err, n.Log())
	}
	return nil
}

// Kill ends the server as a power cut would and waits until it is gone.
func (n *Node) Kill() error {
	n.signal(syscall.SIGKILL)
	<-n.ended
	return nil
}

// Ended tells whether the process is gone.
func (n *Node) Ended() bool {
	select {
	case <-n.ended:
		return true
	default:
		return false
	}
}

// Log gives the last of what the server printed.
func (n *Node) Log() string { return n.log.String() }

// signal reports whether the process was there to get it.
func (n *Node) signal(s syscall.Signal) bool {
	return !n.Ended() && syscall.Kill(n.PID, s) == nil
}

// answers asks for the discovery document on a connection of its own.
func answers(ctx context.Context, issuer, address string) bool {
	c, err := NewClient(Target{Issuer: issuer, ClientID: "none", Dial: address}, "")
	if err != nil {
		return false
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return c.Ready(ctx) == nil
}

func modified(path string) time.Time {
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// FreeAddress finds a loopback address that nothing listens on at the moment.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return net.JoinHostPort("localhost", strconv.Itoa(l.Addr().(*net.TCPAddr).Port)), nil
}

// PostgresPID gives the first process of the database server at url, whose children serve the connections.
func PostgresPID(ctx context.Context, url string) (int, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	var backend int
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&backend); err != nil {
		return 0, err
	}
	s, err := readStat(backend)
	if err != nil {
		return 0, fmt.Errorf("the database runs on another machine: %w", err)
	}
	return s.parent, nil
}

// logTail keeps the end of what is written to it.
type logTail struct {
	mu   sync.Mutex
	text []byte
}

const logTailSize = 16 << 10

// Write implements io.Writer.
func (l *logTail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	if len(l.text) > 2*logTailSize {
		l.text = bytes.Clone(l.text[len(l.text)-logTailSize:])
	}
	return len(p), nil
}

func (l *logTail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text[max(0, len(l.text)-logTailSize):])
}
