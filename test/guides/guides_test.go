package guides

import (
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"latchkey/test/devserver"
)

const (
	root    = "../.."
	guides  = root + "/docs/guides"
	preface = guides + "/README.md" // what every guide tells its reader to type first
)

// others are documents with blocks that run, which tell everything themselves.
var others = []string{root + "/docs/getting-started.md", root + "/docs/management-api.md"}

// TestGuides_DoWhatTheySay plays every guide, each as a newcomer at a tenant of their own.
func TestGuides_DoWhatTheySay(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl", "jq", "node"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("the guides use %s, which is missing: run make prepare", tool)
		}
	}
	documents, err := filepath.Glob(guides + "/*.md")
	if err != nil || len(documents) < 2 {
		t.Fatalf("no guides in %s: %v", guides, err)
	}
	server := devserver.Start(t)
	for _, path := range append(documents, others...) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".md"), func(t *testing.T) {
			t.Parallel()
			steps := read(t, path)
			if path != preface && !slices.Contains(others, path) {
				steps = append(read(t, preface), steps...)
			}
			if len(steps) == 0 {
				t.Fatalf("%s has no block that runs", path)
			}
			folder := newcomer(t, server)
			stand := standIns(t)
			for i := range steps {
				steps[i].text = stand.Replace(steps[i].text)
			}
			play(t, steps, folder, environment(folder, server))
		})
	}
}

// read gives the marked blocks of a document.
func read(t *testing.T, path string) []step {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all, err := blocks(string(text))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var steps []step
	for _, b := range all {
		if b.kind != shown {
			steps = append(steps, step{b, filepath.Base(path)})
		}
	}
	return steps
}

// newcomer makes a folder that looks as one does where `latchkey dev` runs, with a fresh tenant behind it, and the npm
// packages that the guides tell to install.
func newcomer(t *testing.T, server *devserver.Server) string {
	t.Helper()
	folder := t.TempDir()
	answer, err := http.Post(server.InboxURL+"/tenants", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusCreated {
		t.Fatalf("a tenant of its own: %d %s %v", answer.StatusCode, text, err)
	}
	var document struct {
		CACert string `json:"ca_cert"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(folder, "latchkey-dev")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(data, "dev.json"), string(text))
	put(t, filepath.Join(data, "ca.pem"), get(document.CACert))
	modules, err := filepath.Abs(root + "/test/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(modules, filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return folder
}

// environment is what the shell of a newcomer knows.
func environment(folder string, server *devserver.Server) []string {
	return []string{
		"HOME=" + folder, "LANG=C.UTF-8", "TMPDIR=" + os.TempDir(),
		"PATH=" + filepath.Dir(server.Binary) + string(os.PathListSeparator) + os.Getenv("PATH"),
	}
}

// ports are those on which programs of the guides listen.
var ports = []string{"4001", "4002", "4003"}

// standIns puts what this machine has where a guide names what only its reader has.
func standIns(t *testing.T) *strings.Replacer {
	t.Helper()
	host, port := mailServer(t)
	pairs := []string{`"smtp_host": "smtp.example.com", "smtp_port": 587`, `"smtp_host": "` + host + `", "smtp_port": ` + port}
	for _, fixed := range ports {
		pairs = append(pairs, fixed, freePort(t))
	}
	return strings.NewReplacer(pairs...)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// mailServer runs an SMTP server that takes everything from whoever logs in.
func mailServer(t *testing.T) (host, port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return mailbox{}, nil }))
	server.AllowInsecureAuth = true
	server.ErrorLog = log.New(io.Discard, "", 0)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	host, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

// mailbox is one dialogue with the mail server.
type mailbox struct{}

func (mailbox) AuthMechanisms() []string { return []string{sasl.Plain} }

func (mailbox) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "acme" || password == "" {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

func (mailbox) Mail(string, *smtp.MailOptions) error { return nil }
func (mailbox) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (mailbox) Reset()                               {}
func (mailbox) Logout() error                        { return nil }

func (mailbox) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
