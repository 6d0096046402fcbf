// Package deploy_test moves configuration between files and tenants of a whole server, in the process and over HTTP, on
// both databases.
package deploy_test

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/deploy"
	"latchkey/internal/server"
	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

// library is a tenant in files, with the keywords that it needs.
const library = "../../internal/deploy/testdata/directory"

var keywords = deploy.Settings{Keywords: map[string]any{
	"APP_URL": "https://app.library.example", "SMTP_USER": "mailer", "SMTP_PASS": "hush", "TWILIO_SID": "AC0123456789abcdef0123456789abcdef",
	"TWILIO_AUTH_TOKEN": "0123456789abcdef0123456789abcdef",
}}

// each runs a test with a fresh server over each database.
func each(t *testing.T, test func(t *testing.T, s *suite)) {
	t.Helper()
	servertest.Each(t, func(t *testing.T, s *servertest.Server) {
		app, err := server.NewApp(server.AppConfig{
			Database: s.Database, Log: slog.New(slog.DiscardHandler), Metrics: server.NewMetrics("test"),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = app.Close(context.Background()) })
		test(t, &suite{Server: s, app: app})
	})
}

type suite struct {
	*servertest.Server
	app *server.App
}

// fresh makes a tenant that holds nothing but what each has.
func (s *suite) fresh(t *testing.T, name string) deploy.Tenant {
	t.Helper()
	made, err := s.Database.CreateTenant(t.Context(), server.NewTenant{Name: name, Domain: name + ".example", HTTPS: true})
	if err != nil {
		t.Fatal(err)
	}
	return s.inProcess(made.Tenant)
}

// inProcess is a tenant as the operator's command reaches it.
func (s *suite) inProcess(t *tenant.Tenant) deploy.Tenant {
	return deploy.Tenant{
		API: deploy.Handler(s.app.Management(t)), ManagingClient: server.ClientID(t.ID, "management"), InTx: s.Database.Store.InTx,
	}
}

// overHTTP is the server's own tenant as the command reaches it from afar.
func (s *suite) overHTTP(t *testing.T) deploy.Tenant {
	t.Helper()
	made, err := s.Database.Complete(t.Context(), s.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	to, err := deploy.Dial(t.Context(), deploy.DialConfig{
		URL: s.URL, ClientID: made.Management.ID, ClientSecret: made.ManagementSecret,
		Wait: func(_ context.Context, d time.Duration) error { // the limit of requests refills
			s.Clock.Advance(d)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func mustRead(t *testing.T, path string, s deploy.Settings) *deploy.Configuration {
	t.Helper()
	c, err := deploy.Read(path, s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustPlan(t *testing.T, to deploy.Tenant, path string, s deploy.Settings) *deploy.Plan {
	t.Helper()
	p, err := deploy.NewPlan(t.Context(), to, mustRead(t, path, s), s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mustApply(t *testing.T, to deploy.Tenant, path string, s deploy.Settings) *deploy.Plan {
	t.Helper()
	p := mustPlan(t, to, path, s)
	if err := p.Apply(t.Context(), nil); err != nil {
		t.Fatalf("%v\nwhile doing:\n%s", err, p)
	}
	return p
}

func mustExport(t *testing.T, from deploy.Tenant, s deploy.Settings, f deploy.Format) string {
	t.Helper()
	c, err := deploy.Export(t.Context(), from, s)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := c.Write(dir, f); err != nil {
		t.Fatal(err)
	}
	return dir
}

func wantNoChange(t *testing.T, to deploy.Tenant, path string, s deploy.Settings) {
	t.Helper()
	if p := mustPlan(t, to, path, s); !p.Empty() || len(p.Changes) > 0 {
		t.Errorf("there is something to do:\n%s", p)
	}
}

func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		found[filepath.ToSlash(strings.TrimPrefix(path, dir))] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestApply_ASecondTimeChangesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *suite) {
		for name, to := range map[string]deploy.Tenant{"in the process": s.fresh(t, "first"), "over HTTP": s.overHTTP(t)} {
			if p := mustApply(t, to, library, keywords); p.Empty() {
				t.Errorf("%s: there was nothing to do", name)
			}
			if p := mustPlan(t, to, library, keywords); !p.Empty() {
				t.Errorf("%s: a second time there is something to do:\n%s", name, p)
			}
		}
	})
}

func TestExport_ThenApplyPlansNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *suite) {
		to := s.fresh(t, "first")
		mustApply(t, to, library, keywords)
		for name, to := range map[string]deploy.Tenant{"in the process": to, "over HTTP": s.overHTTP(t)} {
			for _, f := range []deploy.Format{deploy.Directory, deploy.YAML} {
				dir := mustExport(t, to, deploy.Settings{}, f)
				t.Log(name, f)
				wantNoChange(t, to, deploy.Path(dir, f), deploy.Settings{AllowDelete: true})
				if diff := cmp.Diff(files(t, dir), files(t, mustExport(t, to, deploy.Settings{}, f))); diff != "" {
					t.Errorf("two exports differ:\n%s", diff)
				}
			}
		}
	})
}

func TestExport_AppliedToAnEmptyTenantIsExportedEqually(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *suite) {
		first := s.fresh(t, "first")
		mustApply(t, first, library, keywords)
		for _, f := range []deploy.Format{deploy.Directory, deploy.YAML} {
			exported := mustExport(t, first, deploy.Settings{}, f)
			second := s.fresh(t, "second-"+string(f))
			mustApply(t, second, deploy.Path(exported, f), keywords)
			if diff := cmp.Diff(files(t, exported), files(t, mustExport(t, second, deploy.Settings{}, f))); diff != "" {
				t.Errorf("%s: what the second tenant exports differs:\n%s", f, diff)
			}
		}
	})
}
