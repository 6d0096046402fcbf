package pg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Env names the variable that holds the URL of the server all tests share. Its
// user must be allowed to create databases.
const Env = "LATCHKEY_TEST_POSTGRES"

// startTimeout is generous because test machines are small and busy.
const startTimeout = 60 * time.Second

// Options say how a private server is run.
type Options struct {
	// Durable keeps every acknowledged write through a crash, as in production.
	// Without it the server is about as fast as memory allows.
	Durable bool
}

// Server is a private PostgreSQL server. It ends with Stop, or with the process
// that started it.
type Server struct {
	// URL leads to the database postgres, as its superuser.
	URL string

	lease io.Closer
	ended <-chan struct{}
}

// watchScript makes the cluster, runs the server and interrupts it when
// standard input closes, which happens even when the process that holds the
// other end is killed. Then it removes every file and tells the end of the log.
// The collation is not "C", so that a query which forgets to ask for byte order
// is found out.
const watchScript = `
bin=$1 dir=$2; shift 2
exec 3<&0
if "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --no-sync \
	--locale=C --locale-provider=icu --icu-locale=en-US >"$dir/log" 2>&1 3<&-
then
	"$bin/postgres" -D "$dir/data" "$@" >>"$dir/log" 2>&1 </dev/null 3<&- &
	server=$!
	{ cat <&3 >/dev/null; kill -INT $server; } 2>/dev/null &
	wait $server
fi
tail -n 20 "$dir/log" >&2
rm -rf "$dir"
`

// Start runs a private server on a free loopback port until Stop.
func Start(ctx context.Context, o Options) (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	// The port is free when it is chosen and may be taken a moment later.
	for attempt := 1; ; attempt++ {
		s, err := start(ctx, bin, o)
		if err == nil || attempt == 3 || ctx.Err() != nil {
			return s, err
		}
	}
}

func start(ctx context.Context, bin string, o Options) (*Server, error) {
	dir, err := os.MkdirTemp("", "latchkey-pg-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for PostgreSQL: %w", err)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	args := []string{"-c", watchScript, "sh", bin, dir,
		"-h", "127.0.0.1", "-p", strconv.Itoa(port), "-k", "",
		"-c", "max_connections=400", "-c", "shared_buffers=64MB"}
	if !o.Durable {
		args = append(args, "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
	}
	cmd := exec.Command("/bin/sh", args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the starter
	if cmd.SysProcAttr.Credential, err = unprivileged(dir); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	lease, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	s := &Server{
		URL:   fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port),
		lease: lease,
		ended: ended,
	}
	if err := s.wait(ctx); err != nil {
		s.Stop()
		return nil, fmt.Errorf("start PostgreSQL from %s: %w\n%s", bin, err, said.Bytes())
	}
	return s, nil
}

// wait returns once the server answers.
func (s *Server) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.URL)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.ended:
			return errors.New("the server ended")
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the server and returns when its files are gone.
func (s *Server) Stop() {
	s.lease.Close()
	<-s.ended
}

// binaries finds the folder of initdb and postgres: the newest of Debian's, or
// the one on the PATH.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	newest, newestMajor := "", 0
	for _, initdb := range found {
		bin := filepath.Dir(initdb)
		if major, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin))); major > newestMajor {
			newest, newestMajor = bin, major
		}
	}
	if newest != "" {
		return newest, nil
	}
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("no PostgreSQL here: install it (on Debian: apt-get install postgresql), " +
			"or name a server in " + Env)
	}
	if initdb, err = filepath.EvalSymlinks(initdb); err != nil {
		return "", err
	}
	return filepath.Dir(initdb), nil
}

// unprivileged returns the user a server started by root runs as, and hands it
// the folder. For anybody else it returns nil: the server is theirs.
func unprivileged(dir string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL refuses to run as root, so a user for it is needed: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
