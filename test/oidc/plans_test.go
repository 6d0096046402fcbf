package oidc_test

import (
	"slices"
	"strings"
	"testing"

	"latchkey/test/oidc"
	"latchkey/test/servertest"
)

// module is the test of one module. It runs once for every flow of a plan but those that it says nothing about.
type module struct {
	run    func(p *party)
	notFor []string // response types
}

// withIDTokenOnly is the response type that gives no access token.
const withIDTokenOnly = "id_token"

func TestBasic(t *testing.T) {
	runPlan(t, oidc.Basic, modules, servertest.Each, flow{responseType: "code"})
}

func TestConfig(t *testing.T) {
	runPlan(t, oidc.Config, modules, onSQLite, flow{responseType: "code"})
}

func TestFormPostBasic(t *testing.T) {
	runPlan(t, oidc.FormPostBasic, modules, onSQLite, flow{"code", "form_post"})
}

func TestImplicit(t *testing.T) {
	runPlan(t, oidc.Implicit, modules, onSQLite, flow{responseType: withIDTokenOnly}, flow{responseType: "id_token token"})
}

func TestHybrid(t *testing.T) {
	runPlan(t, oidc.Hybrid, modules, onSQLite,
		flow{responseType: "code id_token"}, flow{responseType: "code token"}, flow{responseType: "code id_token token"})
}

func TestRPInitiatedLogout(t *testing.T) {
	runPlan(t, oidc.RPInitiatedLogout, logoutModules, servertest.Each, flow{responseType: "code"})
}

// onSQLite runs a test on one database: the plans differ in what goes over the wire, not in what is stored.
func onSQLite(t *testing.T, test func(t *testing.T, s *servertest.Server)) {
	t.Helper()
	t.Parallel()
	test(t, servertest.New(t))
}

// runPlan runs every module of a plan under its name, each on a server of its own.
func runPlan(t *testing.T, plan oidc.Plan, tests map[string]module, on func(*testing.T, func(*testing.T, *servertest.Server)), flows ...flow) {
	t.Parallel()
	for _, name := range plan.Modules {
		t.Run(name, func(t *testing.T) {
			m, found := tests[name]
			if !found {
				t.Fatalf("%s has the module %s, which has no test", plan.Name, name)
			}
			apt := slices.DeleteFunc(slices.Clone(flows), func(f flow) bool { return slices.Contains(m.notFor, f.responseType) })
			if len(apt) == 0 {
				t.Fatalf("no flow of %s is tested by %s", plan.Name, name)
			}
			for i, f := range apt {
				if len(apt) == 1 {
					on(t, func(t *testing.T, s *servertest.Server) { m.run(newParty(t, s, f)) })
					return
				}
				t.Run(strings.ReplaceAll(apt[i].responseType, " ", "+"), func(t *testing.T) {
					on(t, func(t *testing.T, s *servertest.Server) { m.run(newParty(t, s, f)) })
				})
			}
		})
	}
}

// The list of modules and the tests are written apart: neither may know a name that the other does not.
func TestPlans_EveryModuleHasATestOfItsName(t *testing.T) {
	t.Parallel()
	all := []oidc.Plan{oidc.Basic, oidc.Config, oidc.FormPostBasic, oidc.Implicit, oidc.Hybrid, oidc.RPInitiatedLogout}
	listed := map[string]bool{}
	for _, plan := range all {
		for _, name := range plan.Modules {
			listed[name] = true
			_, protocol := modules[name]
			_, logout := logoutModules[name]
			if !protocol && !logout {
				t.Errorf("%s has the module %s, which has no test", plan.Name, name)
			}
		}
	}
	for _, tests := range []map[string]module{modules, logoutModules} {
		for name := range tests {
			if !listed[name] {
				t.Errorf("there is a test of the module %s, which no plan has", name)
			}
		}
	}
}
