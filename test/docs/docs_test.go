// Package docs holds the documents to what they name: links lead somewhere, flags and commands exist, packages are on the
// map.
package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// documents reads every Markdown file of the repository's own.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md", "docs/guides/*.md"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			all[path] = string(text)
		}
	}
	if len(all) < 8 {
		t.Fatalf("only %d documents were found", len(all))
	}
	return all
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

func TestDocuments_LinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for path, text := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", path, m[1])
			}
		}
	}
}

// heading is a line that begins a part of a document, and anchored a link to one.
var (
	heading  = regexp.MustCompile(`(?m)^#+ (.+)$`)
	anchored = regexp.MustCompile(`\]\(([^)#:]*\.md)?#([^)]+)\)`)
	unnamed  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are the names of a document's parts, as GitHub makes them from their headings.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		all[strings.ReplaceAll(unnamed.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return all
}

func TestDocuments_LinksLeadToPartsThatAreThere(t *testing.T) {
	t.Parallel()
	all := documents(t)
	for path, text := range all {
		for _, m := range anchored.FindAllStringSubmatch(text, -1) {
			target := path
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(path), m[1])
			}
			if !anchors(all[target])[m[2]] {
				t.Errorf("%s links to the part %s of %s, which is not there", path, m[2], target)
			}
		}
	}
}

var (
	flag    = regexp.MustCompile(`(?:^|[\s(` + "`" + `])--([a-z][a-z-]+)`)
	targets = regexp.MustCompile("`?make ([a-z]+)")
	allowed = map[string]bool{"cacert": true, "fail-with-body": true, "no-sandbox": true, "arg": true, "argjson": true, "ignore-scripts": true, "data-urlencode": true, "durable": true, "dev-json": true, "server-pid": true, "blocked": true, "no-signup": true, "strict": true, "out": true, "json": true, "samples": true, "workload": true, "clients": true, "rounds": true} // of curl, jq, npm and of our own tools
)

// help is what the commands say of themselves.
func help(t *testing.T) string {
	t.Helper()
	binary := os.Getenv("LATCHKEY_BINARY")
	if binary == "" {
		binary = filepath.Join(t.TempDir(), "latchkey")
		if out, err := exec.Command("go", "build", "-o", binary, "latchkey/cmd/latchkey").CombinedOutput(); err != nil {
			t.Fatalf("build the program: %v: %s", err, out)
		}
	}
	var all strings.Builder
	for _, command := range []string{"dev", "serve", "migrate", "tenant create", "tenant list", "keys create master", "keys rotate signing", "keys rotate master", "export", "apply"} {
		out, err := exec.Command(binary, append(strings.Fields(command), "--help")...).CombinedOutput()
		if err != nil {
			t.Fatalf("latchkey %s --help: %v: %s", command, err, out)
		}
		all.Write(out)
	}
	return all.String()
}

func TestDocuments_FlagsExist(t *testing.T) {
	t.Parallel()
	known := help(t)
	for path, text := range documents(t) {
		for _, m := range flag.FindAllStringSubmatch(text, -1) {
			name := strings.TrimRight(m[1], "-")
			if !allowed[name] && !strings.Contains(known, "--"+name) {
				t.Errorf("%s names the flag --%s, which no command has", path, name)
			}
		}
	}
}

func TestDocuments_MakeTargetsExist(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range documents(t) {
		for _, m := range targets.FindAllStringSubmatch(text, -1) {
			if strings.HasPrefix(m[0], "`") && !strings.Contains(string(makefile), "\n"+m[1]+":") {
				t.Errorf("%s names make %s, which does not exist", path, m[1])
			}
		}
	}
}

// The map of ARCHITECTURE.md names every package of the ladder.
func TestArchitecture_NamesEveryPackage(t *testing.T) {
	t.Parallel()
	text := documents(t)[filepath.Join(root, "ARCHITECTURE.md")]
	for _, pattern := range []string{"internal/*", "internal/web/*"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			name := filepath.Base(path)
			if name != "web" && !strings.Contains(text, "`"+name+"`") && !strings.Contains(text, "/"+name+"`") {
				t.Errorf("ARCHITECTURE.md does not name %s", path)
			}
		}
	}
}
