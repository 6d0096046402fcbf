package deploy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// hashOf is what the API tells a process at the server of a secret.
func hashOf(secret string) string {
	salt := []byte("salt")
	sum := sha256.Sum256(append(salt, secret...))
	return hex.EncodeToString(salt) + "$" + hex.EncodeToString(sum[:])
}

func TestPlan_ComparesSecretsByTheirHashes(t *testing.T) {
	t.Parallel()
	stored := fmt.Sprintf(`{"emails/provider":{"name":"sendgrid","enabled":true,"credentials":{},"$secrets":{"credentials.api_key":%q}}}`, hashOf("old"))
	file := func(enabled bool, key string) map[string]string {
		return map[string]string{"emails/provider.json": fmt.Sprintf(`{"name":"sendgrid","enabled":%v,"credentials":{"api_key":%s}}`, enabled, key)}
	}
	for _, c := range []struct {
		about    string
		files    map[string]string
		settings Settings
		want     []string
	}{
		{"an equal one", file(true, `"old"`), Settings{}, nil},
		{"an equal one, with every secret sent", file(true, `"old"`), Settings{SendSecrets: true}, nil},
		{"another one", file(true, `"new"`), Settings{}, []string{`PATCH emails/provider {"credentials":{"api_key":"new"}}`}},
		{"no text", file(true, `1`), Settings{}, []string{`PATCH emails/provider {"credentials":{"api_key":1}}`}},
		{"none", file(true, `null`), Settings{}, nil},
		{"an empty one", file(true, `""`), Settings{}, nil},
		{"a marker", file(true, `"##SENDGRID_API_KEY##"`), Settings{}, nil},
		{"an equal one goes with another change", file(false, `"old"`), Settings{}, []string{`PATCH emails/provider {"credentials":{"api_key":"old"},"enabled":false}`}},
		{"one that is not to be compared", file(true, `"new"`), Settings{IgnoredProps: map[string][]string{"emailProvider": {"api_key"}}}, nil},
	} {
		if diff := cmp.Diff(c.want, newFake(stored).apply(t, c.files, c.settings)); diff != "" {
			t.Errorf("%s:\n%s", c.about, diff)
		}
	}
	none := `{"emails/provider":{"name":"sendgrid","enabled":true,"credentials":{},"$secrets":{}}}`
	if p := newFake(none).plan(t, file(true, `"new"`), Settings{}); !strings.Contains(p.String(), "credentials.api_key: (secret) -> (secret)") {
		t.Errorf("a secret where none is stored is no change:\n%s", p)
	}
	for _, hash := range []string{`"no hash"`, `"zz$00"`, `""`, `1`} {
		odd := `{"emails/provider":{"name":"sendgrid","enabled":true,"credentials":{},"$secrets":{"credentials.api_key":` + hash + `}}}`
		if p := newFake(odd).plan(t, file(true, `"new"`), Settings{}); p.Empty() {
			t.Errorf("the hash %s is one of every secret", hash)
		}
	}
}

// The configuration of scripts is shown by what stands in its place: what the API keeps to itself is no change, and a name
// that is not there yet is one.
func TestPlan_ComparesTheConfigurationOfScriptsByNames(t *testing.T) {
	t.Parallel()
	stored := `{"connections":[{"id":"d","name":"db","strategy":"auth0","options":{"configuration":{"A":"2.0$x"}}%s}],"connections/d/clients":[]}`
	file := func(configuration string) map[string]string {
		return map[string]string{"database-connections/db/database.json": `{"name":"db","strategy":"auth0","options":{"configuration":` + configuration + `}}`}
	}
	hashes := fmt.Sprintf(`,"$secrets":{"options.configuration.A":%q}`, hashOf("a"))
	for _, c := range []struct{ about, hashes, configuration, want string }{
		{"not told", "", `{"A":"b"}`, ""},
		{"as it is shown", "", `{"A":"2.0$x"}`, ""},
		{"a new name", "", `{"A":"a","B":"b"}`, "options.configuration.B"},
		{"taken away", "", `{"A":null}`, "options.configuration.A"},
		{"nothing twice", "", `{"B":null}`, ""},
		{"equal by its hash", hashes, `{"A":"a"}`, ""},
		{"as it is shown, with a hash", hashes, `{"A":"2.0$x"}`, ""},
		{"another by its hash", hashes, `{"A":"b"}`, "options.configuration.A"},
	} {
		p := newFake(fmt.Sprintf(stored, c.hashes)).plan(t, file(c.configuration), Settings{})
		var got string
		for _, change := range p.Changes {
			for _, d := range change.Properties {
				got += d.Path
			}
		}
		if got != c.want {
			t.Errorf("%s: %q differs, want %q", c.about, got, c.want)
		}
	}
}

// A tenant's own data may have a property of the same name, deeper down.
func TestExport_LeavesHashesOutAndNothingElse(t *testing.T) {
	t.Parallel()
	f := newFake(`{"clients":[{"client_id":"c","name":"c","client_metadata":{"$secrets":"mine"},"$secrets":{"client_secret":"00$00"}}],
		"attack-protection/captcha":{"active_provider_id":"arkose","$secrets":{"arkose.secret":"00$00"}}}`)
	for _, part := range protections {
		if _, there := f.singles["attack-protection/"+part]; !there {
			f.singles["attack-protection/"+part] = object{}
		}
	}
	c, err := Export(t.Context(), Tenant{API: f}, Settings{Included: []string{"clients", "attackProtection"}})
	if err != nil {
		t.Fatal(err)
	}
	got := show(c.sections["clients"].items[0].object) + show(c.sections["attackProtection"].items[0].object)
	if strings.Count(got, "$secrets") != 1 || !strings.Contains(got, `"client_metadata":{"$secrets":"mine"}`) {
		t.Errorf("the export is %s", got)
	}
}

// A creation takes no secret of a client, so it is given after.
func TestApply_GivesANewClientItsSecret(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string][]string{
		`"s"`:          {`POST clients {"name":"c"}`, `PATCH clients/made1 {"client_secret":"s"}`},
		`"##MARKER##"`: {`POST clients {"name":"c"}`},
		`null`:         {`POST clients {"name":"c"}`},
	} {
		got := newFake(`{}`).apply(t, map[string]string{"clients/c.json": `{"name":"c","client_secret":` + secret + `}`}, Settings{})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", secret, diff)
		}
	}
}
