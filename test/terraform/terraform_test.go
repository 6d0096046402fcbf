// Package terraform_test keeps a whole tenant in Terraform, with Auth0's own provider, unmodified: what the folder tenant
// holds is applied to a development server, planned again, imported, changed and destroyed.
//
// It runs when asked for, by `make terraform`: the provider is built from its Go module, which takes minutes the first time.
package terraform_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"latchkey/test/devserver"
	"latchkey/test/pg"
)

// asked names the variable that asks for this test.
const asked = "LATCHKEY_TERRAFORM"

const (
	provider        = "github.com/auth0/terraform-provider-auth0"
	providerVersion = "v1.54.1"
)

func TestTerraform_KeepsAWholeTenant(t *testing.T) {
	if os.Getenv(asked) == "" {
		t.Skip("Terraform is run by `make terraform` alone: it builds the provider from its sources")
	}
	program, err := exec.LookPath("terraform")
	if err != nil {
		t.Skip("there is no program named terraform on the PATH: https://developer.hashicorp.com/terraform/install has it")
	}
	plugins := buildProvider(t)
	for name, args := range map[string]func(t *testing.T) []string{
		"sqlite":   func(*testing.T) []string { return nil },
		"postgres": func(t *testing.T) []string { return []string{"--database", pg.Database(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := devserver.Start(t, args(t)...)
			keepTenant(t, &workspace{t: t, program: program, folder: copyTenant(t), env: environment(t, s, plugins)}, newAPI(t, s))
		})
	}
}

// keepTenant takes a tenant through everything that Terraform does.
func keepTenant(t *testing.T, w *workspace, api *api) {
	w.run("fmt", "-check")
	w.run("apply", "-auto-approve", "-input=false")
	w.planNothing("after the first apply")
	for kind, want := range map[string][]string{
		"clients": {"Accounting", "Shop", "Shop on the phone", "Warehouse"}, "connections": {"shop-accounts", "shop-email", "shop-sms"},
		"roles": {"Customer", "Staff"}, "resource-servers": {"Orders"}, "log-streams": {"Watch"},
	} {
		have := api.names(kind)
		for _, name := range want {
			if !slices.Contains(have, name) {
				t.Errorf("%s of the tenant: got %q, want %q among them", kind, have, name)
			}
		}
	}
	var warehouse map[string]string
	w.output("warehouse", &warehouse)
	if got, want := api.token(warehouse)["scope"], "read:orders ship:orders"; got != want {
		t.Errorf("scope of the warehouse's token: got %v, want %s", got, want)
	}

	var imports map[string]string
	w.output("imports", &imports)
	for address, id := range imports {
		w.run("state", "rm", address)
		w.run("import", "-input=false", address, id)
	}
	w.planNothing("after an import")

	const moved = "-var=shop=https://bicycles.example.com"
	w.run("apply", "-auto-approve", "-input=false", moved)
	w.planNothing("after a change", moved)

	w.run("destroy", "-auto-approve", "-input=false", moved)
	for _, kind := range []string{"clients", "connections", "roles", "resource-servers", "log-streams"} {
		for _, name := range api.names(kind) {
			if slices.Contains([]string{"Accounting", "Orders", "Shop", "Staff", "Warehouse", "Watch", "shop-email"}, name) {
				t.Errorf("%s named %s are there after all was destroyed", kind, name)
			}
		}
	}
	if refused := api.token(warehouse); refused["access_token"] != nil {
		t.Error("a client that was destroyed is given a token")
	}
}

// buildProvider builds the provider from its module and gives the folder it is in.
func buildProvider(t *testing.T) string {
	t.Helper()
	module := provider + "@" + providerVersion
	download := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module)
	download.Dir = t.TempDir() // outside of our own module, which needs none of it
	out, err := download.Output()
	var sources struct{ Dir, Error string }
	if json.Unmarshal(out, &sources) != nil || sources.Dir == "" {
		t.Skipf("the module %s is not to be had here, neither from a proxy nor from the module cache: %v %s", module, err, sources.Error)
	}
	folder := t.TempDir() // Go builds no main module within its cache
	if err := os.CopyFS(folder, os.DirFS(sources.Dir)); err != nil {
		t.Fatal(err)
	}
	plugins := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(plugins, "terraform-provider-auth0"), ".")
	build.Dir, build.Env = folder, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", module, err, out)
	}
	return plugins
}

// copyTenant copies the configuration, since Terraform writes its state beside it.
func copyTenant(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS("tenant")); err != nil {
		t.Fatal(err)
	}
	return folder
}

// environment is what Terraform is told of: the server, its authority, and the provider that was built.
func environment(t *testing.T, s *devserver.Server, plugins string) []string {
	t.Helper()
	config := filepath.Join(t.TempDir(), "terraform.rc")
	text := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"auth0/auth0\" = %q\n  }\n}\n", plugins)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "SSL_CERT_FILE=" + s.CACert,
		"TF_CLI_CONFIG_FILE=" + config, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1",
		"TF_CLI_ARGS_apply=-no-color", "TF_CLI_ARGS_destroy=-no-color", "TF_CLI_ARGS_import=-no-color", "TF_CLI_ARGS_plan=-no-color",
		"AUTH0_DOMAIN=" + s.Domain, "AUTH0_CLIENT_ID=" + s.Management.ClientID, "AUTH0_CLIENT_SECRET=" + s.Management.ClientSecret,
	}
}

// workspace is a folder in which Terraform is run.
type workspace struct {
	t               *testing.T
	program, folder string
	env             []string
}

// try runs Terraform and gives what it said.
func (w *workspace) try(args ...string) (string, error) {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), w.program, args...)
	cmd.Dir, cmd.Env = w.folder, w.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// run runs Terraform, which must succeed.
func (w *workspace) run(args ...string) {
	w.t.Helper()
	if out, err := w.try(args...); err != nil {
		w.t.Fatalf("terraform %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// planNothing fails when Terraform would change anything.
func (w *workspace) planNothing(when string, args ...string) {
	w.t.Helper()
	out, err := w.try(append([]string{"plan", "-input=false", "-detailed-exitcode"}, args...)...)
	if err != nil || !strings.Contains(out, "No changes.") {
		w.t.Fatalf("a plan %s: %v, want no changes\n%s", when, err, out)
	}
}

// output reads an output of the configuration.
func (w *workspace) output(name string, value any) {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), w.program, "output", "-json", name)
	cmd.Dir, cmd.Env = w.folder, w.env
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, value)
	}
	if err != nil {
		w.t.Fatalf("terraform output %s: %v\n%s", name, err, out)
	}
}

// api looks at the tenant without Terraform.
type api struct {
	t      *testing.T
	server *devserver.Server
	client *http.Client
}

func newAPI(t *testing.T, s *devserver.Server) *api {
	t.Helper()
	authority, err := os.ReadFile(s.CACert)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	return &api{t, s, &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}}
}

// token asks for a machine's token.
func (a *api) token(client map[string]string) map[string]any {
	a.t.Helper()
	ask := map[string]string{"grant_type": "client_credentials"}
	for name, v := range client {
		ask[name] = v
	}
	text, err := json.Marshal(ask)
	if err != nil {
		a.t.Fatal(err)
	}
	reply, err := a.client.Post(a.server.Issuer+"oauth/token", "application/json", bytes.NewReader(text))
	if err != nil {
		a.t.Fatal(err)
	}
	var answer map[string]any
	a.read(reply, &answer)
	return answer
}

// names lists the names of what the tenant has of a kind.
func (a *api) names(kind string) []string {
	a.t.Helper()
	m := a.server.Management
	granted := a.token(map[string]string{"client_id": m.ClientID, "client_secret": m.ClientSecret, "audience": m.Audience})
	ask, err := http.NewRequestWithContext(a.t.Context(), http.MethodGet, a.server.Issuer+"api/v2/"+kind, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	ask.Header.Set("Authorization", fmt.Sprint("Bearer ", granted["access_token"]))
	reply, err := a.client.Do(ask)
	if err != nil {
		a.t.Fatal(err)
	}
	var list []struct {
		Name string `json:"name"`
	}
	a.read(reply, &list)
	names := make([]string, len(list))
	for i, one := range list {
		names[i] = one.Name
	}
	return names
}

// read reads an answer.
func (a *api) read(reply *http.Response, value any) {
	a.t.Helper()
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err == nil {
		err = json.Unmarshal(text, value)
	}
	if err != nil {
		a.t.Fatalf("an answer with status %d: %v\n%s", reply.StatusCode, err, text)
	}
}
