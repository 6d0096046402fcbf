package main

import (
	"fmt"
	"slices"
	"strings"
)

// target is a promise of docs/performance.md and what this run says about it.
type target struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Limit   float64 `json:"limit"`
	AtLeast bool    `json:"at_least,omitempty"`
	Met     bool    `json:"met"`
	Detail  string  `json:"detail,omitempty"`
}

func atMost(name string, value, limit float64, detail string) target {
	return target{Name: name, Value: value, Limit: limit, Met: value <= limit, Detail: detail}
}

func atLeast(name string, value, limit float64, detail string) target {
	return target{Name: name, Value: value, Limit: limit, AtLeast: true, Met: value >= limit, Detail: detail}
}

// The limits. Processor time is in units of two RSA-2048 signatures measured beside the load, since that is the least
// a login with an RS256 ID token and an RS256 access token can cost.
const (
	limitServerSQLite     = 2.2
	limitServerPostgres   = 2.4
	limitDatabasePostgres = 1.1
	limitNewcomer         = 1.2
	limitTail             = 4.0
	limitRefresh          = 1.5
	limitFirstAnswerMS    = 100
	limitResidentMiB      = 48
	residentLogins        = 5000
)

// judge compares the rows with the targets. Where a target names no number of clients, the worst of those measured
// counts. serverMeasured and databaseMeasured say which processor times were read.
func judge(r report, postgres, serverMeasured, databaseMeasured bool) []target {
	var out []target
	perClients := func(name string, limit float64, atLeastLimit bool, value func(clients int) (float64, bool)) {
		var values []float64
		var words []string
		for _, n := range r.clients() {
			v, ok := value(n)
			if !ok {
				continue
			}
			values = append(values, v)
			words = append(words, fmt.Sprintf("%d: %.2f", n, v))
		}
		if len(values) == 0 {
			return
		}
		detail := "by clients " + strings.Join(words, ", ")
		if atLeastLimit {
			out = append(out, atLeast(name, slices.Min(values), limit, detail))
			return
		}
		out = append(out, atMost(name, slices.Max(values), limit, detail))
	}

	if serverMeasured {
		limit := limitServerSQLite
		if postgres {
			limit = limitServerPostgres
		}
		perClients("server CPU per login, in two signatures", limit, false, func(n int) (float64, bool) {
			w, ok := r.find(returning, n)
			return w.over(w.ServerCPU), ok
		})
	}
	if databaseMeasured {
		perClients("database CPU per login, in two signatures", limitDatabasePostgres, false, func(n int) (float64, bool) {
			w, ok := r.find(returning, n)
			return w.over(w.DatabaseCPU), ok
		})
	}
	if serverMeasured {
		perClients("a new user's first login, in returning ones (CPU)", limitNewcomer, false, func(n int) (float64, bool) {
			first, ok1 := r.find(newcomer, n)
			again, ok2 := r.find(returning, n)
			spent := float64(again.ServerCPU + again.DatabaseCPU)
			return float64(first.ServerCPU+first.DatabaseCPU) / spent, ok1 && ok2 && spent > 0
		})
	}
	for _, workload := range []string{returning, newcomer} {
		few, ok1 := r.find(workload, 8)
		many, ok2 := r.find(workload, 32)
		if ok1 && ok2 && few.P99 > 0 {
			out = append(out, atMost("p99 at 32 clients in p99 at 8, "+workload, float64(many.P99)/float64(few.P99), limitTail,
				fmt.Sprintf("%v and %v", few.P99, many.P99)))
		}
	}
	failures := 0
	for _, w := range r.Rows {
		failures += w.Failures
	}
	if len(r.Rows) > 0 {
		out = append(out, atMost("failures", float64(failures), 0, ""))
	}
	perClients("refreshes with rotation, in logins per second", limitRefresh, true, func(n int) (float64, bool) {
		again, ok1 := r.find(refresh, n)
		login, ok2 := r.find(returning, n)
		return again.PerSecond / login.PerSecond, ok1 && ok2 && login.PerSecond > 0
	})
	if len(r.FirstAnswer) > 0 {
		sorted := slices.Sorted(slices.Values(r.FirstAnswer))
		out = append(out, atMost("first answer on a ready database, ms (median)", ms(sorted[len(sorted)/2]),
			limitFirstAnswerMS, fmt.Sprint(sorted)))
	}
	if r.ResidentAfter >= residentLogins {
		out = append(out, atMost("resident after 5,000 logins, MiB", mib(r.Resident), limitResidentMiB,
			fmt.Sprintf("after %d", r.ResidentAfter)))
	}
	return out
}

func (r report) find(workload string, clients int) (row, bool) {
	for _, w := range r.Rows {
		if w.Workload == workload && w.Clients == clients && w.Ops > 0 {
			return w, true
		}
	}
	return row{}, false
}

func (r report) clients() []int {
	var all []int
	for _, w := range r.Rows {
		all = append(all, w.Clients)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
