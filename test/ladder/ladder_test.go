package ladder_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"latchkey/test/ladder"
)

func TestImports_PointDownTheLadder(t *testing.T) {
	t.Parallel()
	imports := moduleImports(t)
	if len(imports) < 10 {
		t.Fatalf("found %d imports between our packages; is this the right module?", len(imports))
	}
	for _, wrong := range ladder.Check(imports) {
		t.Error(wrong)
	}
}

// moduleImports returns every import between two packages of this module.
func moduleImports(t *testing.T) []ladder.Import {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Module,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var imports []ladder.Import
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var pkg struct {
			ImportPath                         string
			Module                             struct{ Path string }
			Imports, TestImports, XTestImports []string
		}
		if err := d.Decode(&pkg); errors.Is(err, io.EOF) {
			return imports
		} else if err != nil {
			t.Fatal(err)
		}
		prefix := pkg.Module.Path + "/"
		from := strings.TrimPrefix(pkg.ImportPath, prefix)
		imports = append(imports, ladder.Import{From: from, To: from}) // one that imports nothing wants a rung too
		add := func(paths []string, test bool) {
			for _, path := range paths {
				if to, ours := strings.CutPrefix(path, prefix); ours {
					imports = append(imports, ladder.Import{From: from, To: to, Test: test})
				}
			}
		}
		add(pkg.Imports, false)
		add(pkg.TestImports, true)
		add(pkg.XTestImports, true)
	}
}

func TestCheck_NamesTheOffendingArrow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		about    string
		from, to string
		test     bool
		want     string // part of the sentence; empty when the import is fine
	}{
		{about: "an edge asks a decision", from: "internal/web/authapi", to: "internal/oauth"},
		{about: "rungs may be skipped downwards", from: "internal/web/mgmtapi", to: "internal/tenant"},
		{about: "an edge uses what edges share", from: "internal/web/authapi", to: "internal/web/httpx"},
		{about: "means in the order listed", from: "internal/otp", to: "internal/message"},
		{about: "a package below a listed one", from: "internal/store/sqlite", to: "internal/otp"},
		{about: "the assembly knows the store", from: "internal/server", to: "internal/store/postgres"},
		{about: "development mode stands on the assembly", from: "internal/dev", to: "internal/server"},
		{about: "the store knows decisions", from: "internal/store", to: "internal/authn"},
		{about: "a test may use the store", from: "internal/otp", to: "internal/store/sqlite", test: true},
		{about: "a test may start a server", from: "internal/web/authapi", to: "internal/server/servertest", test: true},
		{about: "a test may use test helpers", from: "internal/store/postgres", to: "test/pg", test: true},
		{about: "a contract suite makes databases", from: "internal/store/storetest", to: "test/pg"},
		{about: "a test runs a contract suite", from: "internal/store/sqlite", to: "internal/store/storetest", test: true},

		{about: "a record reaches up", from: "internal/user", to: "internal/otp",
			want: "internal/user (records) imports internal/otp (means), which is further up"},
		{about: "a decision reaches up", from: "internal/oauth", to: "internal/web/httpx", want: "further up"},
		{about: "the assembly reaches up", from: "internal/server", to: "internal/dev", want: "further up"},
		{about: "a leaf reaches up", from: "internal/jwt", to: "internal/client", want: "further up"},
		{about: "a test reaches up", from: "internal/user", to: "internal/otp", test: true, want: "further up"},
		{about: "edges know each other", from: "internal/web/authapi", to: "internal/web/mgmtapi",
			want: "edges do not know each other"},
		{about: "means against the order", from: "internal/message", to: "internal/otp",
			want: "internal/otp stands above"},
		{about: "login and oauth", from: "internal/login", to: "internal/oauth", want: "do not know each other"},
		{about: "a decision knows the store", from: "internal/oauth", to: "internal/store",
			want: "only server, dev, cmd and tests know the store"},
		{about: "the store knows an edge", from: "internal/store", to: "internal/web/httpx",
			want: "knows nothing above them"},
		{about: "product code uses test helpers", from: "internal/dev", to: "test/pg", want: "test helpers are for tests"},
		{about: "product code uses a contract suite", from: "internal/store", to: "internal/store/storetest",
			want: "test helpers are for tests"},
		{about: "a package nobody listed", from: "internal/server", to: "internal/util",
			want: "internal/util stands on no rung: name its rung"},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(ladder.Check([]ladder.Import{{From: c.from, To: c.to, Test: c.test}}), "\n")
			if c.want == "" && got != "" {
				t.Errorf("%s -> %s: got %q, want no complaint", c.from, c.to, got)
			}
			if c.want != "" && !strings.Contains(got, c.want) {
				t.Errorf("%s -> %s: got %q, want it to say %q", c.from, c.to, got, c.want)
			}
		})
	}
}
