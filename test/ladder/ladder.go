// Package ladder holds the order of our packages and finds the imports that
// break it.
//
// The order is the plan of the house (ARCHITECTURE.md): an edge asks a
// decision, a decision uses means, means use records, and everybody may use the
// leaves. Imports point down this ladder only, so that a reader who follows a
// request never has to look back up, and a concept that two packages both want
// gets a name and a place of its own.
package ladder

import (
	"fmt"
	"slices"
	"strings"
)

// Import is one arrow: package From imports package To. Both are paths within
// the module, such as "internal/otp". Test tells that only From's tests do.
type Import struct {
	From, To string
	Test     bool
}

// rung is one step of the ladder. Where ordered is set, a package may import
// those listed after it; otherwise packages of one rung do not know each other.
type rung struct {
	name     string
	packages []string
	ordered  bool
}

// rungs is the ladder from the top down.
var rungs = []rung{
	{name: "commands", packages: []string{"cmd"}},
	{name: "development mode", packages: []string{"internal/dev"}},
	{name: "assembly", packages: []string{"internal/server"}},
	{name: "configuration as files", packages: []string{"internal/deploy"}},
	{name: "edges", packages: []string{
		"internal/web/authapi", "internal/web/universallogin", "internal/web/classic", "internal/web/mgmtapi",
		"internal/web/dashboard", "internal/web/devinbox", "internal/web/sampleapp",
	}},
	{name: "what edges share", ordered: true, packages: []string{"internal/web/page", "internal/web/httpx"}},
	{name: "decisions", ordered: true, packages: []string{
		"internal/login", "internal/oauth", "internal/job", "internal/authn", "internal/account",
	}},
	{name: "means", ordered: true, packages: []string{
		"internal/transaction", "internal/mfa", "internal/otp", "internal/passkey", "internal/password",
		"internal/session", "internal/grant", "internal/loginticket", "internal/ticket", "internal/clientauth", "internal/message",
		"internal/protect", "internal/action", "internal/key", "internal/eventlog",
	}},
	{name: "records", ordered: true, packages: []string{
		"internal/organization", "internal/role", "internal/user", "internal/client", "internal/resourceserver",
		"internal/connection", "internal/branding", "internal/tenant", "internal/resource",
	}},
	{name: "leaves", ordered: true, packages: []string{
		"internal/apischema", "internal/lucene", "internal/liquid", "internal/sandbox", "internal/locale", "internal/jwt", "internal/egress",
		"internal/seal", "internal/contact", "internal/useragent", "internal/ident", "internal/clock", "internal/apierr",
	}},
}

// apart names packages of one ordered rung that do not know each other in
// either direction.
var apart = [][]string{{"internal/login", "internal/oauth", "internal/job"}}

// store stands beside the ladder: it implements what decisions, means and
// records ask for, and only those who put the parts together know it.
const store = "internal/store"

// Check returns a sentence for every import that breaks the ladder, sorted.
func Check(imports []Import) []string {
	var wrong []string
	for _, i := range imports {
		if s := judge(i); s != "" {
			wrong = append(wrong, s)
		}
	}
	slices.Sort(wrong)
	return slices.Compact(wrong)
}

func judge(i Import) string {
	i.Test = i.Test || forTests(i.From)
	for _, path := range []string{i.From, i.To} {
		if _, _, ok := place(path); !ok && !under(path, store) && !under(path, "test") {
			return fmt.Sprintf("%s stands on no rung: name its rung in test/ladder/ladder.go", path)
		}
	}
	switch from, to := home(i.From), home(i.To); {
	case forTests(i.To) && !i.Test:
		return fmt.Sprintf("%s imports %s: test helpers are for tests", i.From, i.To)
	case from == to || forTests(i.To) || under(i.From, "test"):
		return ""
	case under(i.To, store):
		if i.Test || slices.Contains([]string{"cmd", "internal/dev", "internal/server"}, from) {
			return ""
		}
		return fmt.Sprintf("%s imports %s: only server, dev, cmd and tests know the store; "+
			"declare the few methods you need as an interface beside their user", i.From, i.To)
	case under(i.From, store):
		if rung, _, _ := place(i.To); rung >= rungNamed("decisions") || i.Test {
			return ""
		}
		return fmt.Sprintf("%s imports %s: the store implements what decisions, means and records declare, "+
			"and knows nothing above them", i.From, i.To)
	}
	return judgeRungs(i)
}

// judgeRungs judges an import between two packages that both stand on the
// ladder. Tests obey it too, except that they may put a server together.
func judgeRungs(i Import) string {
	from, fromPlace, _ := place(i.From)
	to, toPlace, _ := place(i.To)
	if i.Test && (under(i.To, "internal/server") || under(i.To, "internal/dev")) {
		return ""
	}
	if to < from {
		return fmt.Sprintf("%s (%s) imports %s (%s), which is further up: a concept is missing between them",
			i.From, rungs[from].name, i.To, rungs[to].name)
	}
	if to > from {
		return ""
	}
	if !rungs[from].ordered {
		return fmt.Sprintf("%s imports %s: %s do not know each other", i.From, i.To, rungs[from].name)
	}
	for _, strangers := range apart {
		if slices.Contains(strangers, home(i.From)) && slices.Contains(strangers, home(i.To)) {
			return fmt.Sprintf("%s imports %s: these do not know each other; what they share is below them", i.From, i.To)
		}
	}
	if toPlace < fromPlace {
		return fmt.Sprintf("%s imports %s: both are %s, where imports go down the list, and %s stands above",
			i.From, i.To, rungs[from].name, i.To)
	}
	return ""
}

// place returns the rung of a path and its place on it.
func place(path string) (rung, index int, ok bool) {
	for r := range rungs {
		for p, pkg := range rungs[r].packages {
			if under(path, pkg) {
				return r, p, true
			}
		}
	}
	return 0, 0, false
}

// home returns the listed package that a path is or lies below, or the path.
func home(path string) string {
	switch rung, index, ok := place(path); {
	case ok:
		return rungs[rung].packages[index]
	case under(path, store):
		return store
	default:
		return path
	}
}

// forTests tells whether a package only helps tests: all below test, and those
// named like storetest.
func forTests(path string) bool {
	return under(path, "test") || strings.HasSuffix(path, "test")
}

func rungNamed(name string) int {
	return slices.IndexFunc(rungs, func(r rung) bool { return r.name == name })
}

func under(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}
