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

	"latchkey/internal/client"
	"latchkey/internal/deploy"
	"latchkey/internal/server"
	"latchkey/internal/tenant"
	"latchkey/test/servertest"
)

// library and full are tenants in files: a small one, and one with something of every type.
const (
	library = "../../internal/deploy/testdata/directory"
	full    = "testdata/full"
)

// tugKey is the public key of a client of full.
const tugKey = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApf0YyRVy8mqOndTnTshF
6RY+D5d/Ule8+haIEt1tbGEwXab/+r5l+utIytqcCcsQGpV7hZQ3atoU+7OktpjY
mo/4geLI54NWLosR/+Zf0YZgAdh0V9QaryjlTRZhJmWFdu55+PyslQJwRa2tdPOZ
eXANI3r/5NaVvKWwKvUa4Oa3DwtUy4N97SjFC5LqKWJ1Q0vgRWkqcJGzwaSXYAey
qvLSTtkuqAVznyRdxEBYuqSRaTkoI7GiCkotXpidu1bNT9cuOS2eXhSezIQuuDu8
WGRhg3Ce9SNMgR95EfDHApC9RXVz2n9MgUeJ72BiJK6sUswj4p68Yxf5dqk5iwBU
XQIDAQAB
-----END PUBLIC KEY-----
`

// keywords are what both need.
var keywords = deploy.Settings{Keywords: map[string]any{
	"APP_URL": "https://app.library.example", "SMTP_USER": "mailer", "SMTP_PASS": "hush", "TWILIO_SID": "AC0123456789abcdef0123456789abcdef",
	"TWILIO_AUTH_TOKEN": "0123456789abcdef0123456789abcdef", "TUG_KEY": tugKey, "GREET_KEY": "hush",
	"CLIENTS_TUG_BOAT_KEY_ONE_PEM": tugKey, "ACTIONS_GREET_KEY": "hush", "SENDGRID_API_KEY": "hush",
	"CONNECTIONS_SMS_TWILIO_TOKEN": "hush-hush-hush-hush-hush-hush-hush", "LOGSTREAMS_HTTP_SECRET": "hush",
	"GUARDIAN_FACTOR_PROVIDERS_SMS_TWILIO_AUTH_TOKEN": "hush",
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
		API: deploy.Handler(s.app.Management(t)), ManagingClient: client.MadeID(t.ID, "management"), InTx: s.Database.Store.InTx,
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

// tenants are the tenants in files that each law is tried with.
var tenants = map[string]string{"library": library, "full": full}

func TestApply_ASecondTimeChangesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *suite) {
		for name, files := range tenants {
			for way, to := range map[string]deploy.Tenant{"in the process": s.fresh(t, name), "over HTTP": s.overHTTP(t)} {
				p := mustApply(t, to, files, keywords)
				if p.Empty() || len(p.Warnings) > 0 || len(p.Unsupported) > 0 {
					t.Errorf("%s %s: %v %v\n%s", name, way, p.Warnings, p.Unsupported, p)
				}
				if p := mustPlan(t, to, files, keywords); !p.Empty() || len(p.Warnings) > 0 {
					t.Errorf("%s %s: a second time there is something to do: %v\n%s", name, way, p.Warnings, p)
				}
			}
		}
	})
}

func TestExport_ThenApplyPlansNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *suite) {
		for name, input := range tenants {
			to := s.fresh(t, name)
			mustApply(t, to, input, keywords)
			for way, to := range map[string]deploy.Tenant{"in the process": to, "over HTTP": s.overHTTP(t)} {
				for _, f := range []deploy.Format{deploy.Directory, deploy.YAML} {
					dir := mustExport(t, to, deploy.Settings{}, f)
					if p := mustPlan(t, to, deploy.Path(dir, f), deploy.Settings{AllowDelete: true}); len(p.Changes) > 0 {
						t.Errorf("%s %s as %s: there is something to do:\n%s", name, way, f, p)
					}
					if diff := cmp.Diff(files(t, dir), files(t, mustExport(t, to, deploy.Settings{}, f))); diff != "" {
						t.Errorf("%s %s as %s: two exports differ:\n%s", name, way, f, diff)
					}
				}
			}
		}
	})
}

func TestExport_AppliedToAnEmptyTenantIsExportedEqually(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *suite) {
		for name, input := range tenants {
			first := s.fresh(t, name)
			mustApply(t, first, input, keywords)
			for _, f := range []deploy.Format{deploy.Directory, deploy.YAML} {
				exported := mustExport(t, first, deploy.Settings{}, f)
				second := s.fresh(t, name+"-"+string(f))
				mustApply(t, second, deploy.Path(exported, f), keywords)
				if diff := cmp.Diff(files(t, exported), files(t, mustExport(t, second, deploy.Settings{}, f))); diff != "" {
					t.Errorf("%s as %s: what the second tenant exports differs:\n%s", name, f, diff)
				}
			}
		}
	})
}

// What a tenant has beyond what every one has is deleted with its last file; what every one has stays.
func TestApply_TakesEverythingAwayAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *suite) {
		empty := files(t, mustExport(t, s.fresh(t, "empty"), deploy.Settings{}, deploy.Directory))
		nothing := filepath.Join(t.TempDir(), "tenant.yaml")
		content := "clients: []\nclientGrants: []\nconnections: []\ndatabases: []\nresourceServers: []\nroles: []\norganizations: []\nactions: []\n" +
			"triggers: {post-login: []}\nlogStreams: []\nphoneProviders: []\nphoneTemplates: []\nthemes: []\nemailProvider: {}\n"
		if err := os.WriteFile(nothing, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		managed := deploy.Settings{AllowDelete: true}
		for way, to := range map[string]deploy.Tenant{"in the process": s.fresh(t, "full"), "over HTTP": s.overHTTP(t)} {
			mustApply(t, to, full, keywords)
			mustApply(t, to, nothing, managed)
			if p := mustPlan(t, to, nothing, managed); len(p.Changes) > 0 {
				t.Errorf("%s: there is something left:\n%s", way, p)
			}
			for name := range files(t, mustExport(t, to, deploy.Settings{}, deploy.Directory)) {
				kept := strings.HasPrefix(name, "/pages/") || strings.HasPrefix(name, "/prompts/") || strings.HasPrefix(name, "/branding/templates/") ||
					strings.HasPrefix(name, "/emails/welcome_email") || strings.HasPrefix(name, "/guardian/")
				if _, there := empty[name]; !there && !kept {
					t.Errorf("%s: %s is still there", way, name)
				}
			}
		}
	})
}

// A refusal in the middle leaves nothing behind where there is a transaction.
func TestApply_DoesEverythingOrNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *suite) {
		to := s.fresh(t, "first")
		before := files(t, mustExport(t, to, deploy.Settings{}, deploy.Directory))
		bad := filepath.Join(t.TempDir(), "tenant.yaml")
		content := "clients: [{name: Good}]\nroles: [{name: Good}]\nactions: [{name: good, code: '', supported_triggers: [{id: post-login, version: v3}], deployed: true}]\n" +
			"connections: [{name: good, strategy: email, enabled_clients: [Good]}]\ntenant: {friendly_name: Good, support_email: nobody}\n"
		if err := os.WriteFile(bad, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		p := mustPlan(t, to, bad, deploy.Settings{})
		err := p.Apply(t.Context(), nil)
		if err == nil || !strings.Contains(err.Error(), "tenant.yaml: tenant: PATCH tenants/settings answered 400") || !strings.Contains(err.Error(), "support_email") {
			t.Errorf("the refusal is %v", err)
		}
		if diff := cmp.Diff(before, files(t, mustExport(t, to, deploy.Settings{}, deploy.Directory))); diff != "" {
			t.Errorf("something was done:\n%s", diff)
		}
	})
}
