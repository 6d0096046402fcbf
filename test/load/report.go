package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// report is everything one run found out. Its JSON form is what --json writes.
type report struct {
	At       time.Time `json:"at"`
	Machine  string    `json:"machine"`
	Database string    `json:"database"`
	// TwoSignatures is the median cost of two RSA-2048 signatures over the run, on one thread.
	TwoSignatures micros   `json:"two_signatures_us"`
	Rows          []row    `json:"workloads"`
	FirstAnswer   []micros `json:"first_answer_us,omitempty"`
	// Resident is the server's memory after ResidentAfter logins, in bytes; Logins is the whole run's number.
	Resident      int64    `json:"resident_bytes,omitempty"`
	ResidentAfter int64    `json:"resident_after_logins,omitempty"`
	Logins        int64    `json:"logins"`
	Targets       []target `json:"targets,omitempty"`
}

// row is one workload at one number of clients.
type row struct {
	Workload    string   `json:"workload"`
	Clients     int      `json:"clients"`
	Ops         int      `json:"operations"`
	Failures    int      `json:"failures"`
	Failed      []string `json:"failed,omitempty"`
	PerSecond   float64  `json:"per_second"`
	P50         micros   `json:"p50_us"`
	P95         micros   `json:"p95_us"`
	P99         micros   `json:"p99_us"`
	ServerCPU   micros   `json:"server_cpu_us"`
	DatabaseCPU micros   `json:"database_cpu_us"`
	// Signature is the cost of one signature while this workload ran.
	Signature micros `json:"signature_us"`
	// Others is the part of the machine, from 0 to 1, that other programs used meanwhile.
	Others float64 `json:"others"`
	Parts  *parts  `json:"login_parts,omitempty"`
}

// parts are the medians of a login's parts.
type parts struct {
	Start    micros `json:"start_p50_us"`
	Mail     micros `json:"mail_p50_us"`
	Exchange micros `json:"exchange_p50_us"`
}

// micros is a duration that is shown and written in microseconds.
type micros int64

func inMicros(d time.Duration) micros { return micros(d.Microseconds()) }

// String implements fmt.Stringer: milliseconds with two decimals.
func (m micros) String() string { return fmt.Sprintf("%.2f ms", float64(m)/1000) }

// over gives how many times the cost of two signatures beside it the processor time was.
func (r row) over(cpu micros) float64 {
	if r.Signature == 0 {
		return 0
	}
	return float64(cpu) / float64(2*r.Signature)
}

func rowOf(r result) row {
	out := row{
		Workload: r.Workload, Clients: r.Clients, Ops: r.Ops, Failures: r.Failures, Failed: r.Failed,
		PerSecond: r.perSecond(),
		P50:       inMicros(r.quantile(50, whole)), P95: inMicros(r.quantile(95, whole)), P99: inMicros(r.quantile(99, whole)),
		ServerCPU: inMicros(r.perOp(r.ServerCPU)), DatabaseCPU: inMicros(r.perOp(r.DatabaseCPU)),
		Signature: inMicros(r.Signature), Others: r.othersShare(),
	}
	if r.Workload == returning || r.Workload == newcomer {
		out.Parts = &parts{
			Start: inMicros(r.quantile(50, start)), Mail: inMicros(r.quantile(50, mail)),
			Exchange: inMicros(r.quantile(50, exchange)),
		}
	}
	return out
}

// quiet is how much of the machine others may use without spoiling figures; the system itself uses some of it.
const quiet = 0.1

// others gives the largest part of the machine that other programs used during any workload.
func (r report) others() float64 {
	most := 0.0
	for _, w := range r.Rows {
		most = max(most, w.Others)
	}
	return most
}

// print writes the report for people.
func (r report) print(to io.Writer) error {
	fmt.Fprintf(to, "%s, %s, %s\n", r.Database, r.Machine, r.At.Format(time.RFC3339))
	fmt.Fprintf(to, "Two RSA-2048 signatures cost %v of processor time beside the load (median).\n\n", r.TwoSignatures)
	t := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "workload\tclients\tops\tfailed\tops/s\tp50\tp95\tp99\tserver CPU/op\t/2 sig\tdatabase CPU/op\t/2 sig\tothers\tstart+mail+exchange p50\t")
	for _, w := range r.Rows {
		login := ""
		if w.Parts != nil {
			login = fmt.Sprintf("%.2f + %.2f + %.2f ms", ms(w.Parts.Start), ms(w.Parts.Mail), ms(w.Parts.Exchange))
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%.1f\t%v\t%v\t%v\t%v\t%.2f\t%v\t%.2f\t%.0f %%\t%s\t\n", w.Workload, w.Clients, w.Ops,
			w.Failures, w.PerSecond, w.P50, w.P95, w.P99, w.ServerCPU, w.over(w.ServerCPU), w.DatabaseCPU,
			w.over(w.DatabaseCPU), 100*w.Others, login)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, w := range r.Rows {
		for _, failure := range w.Failed {
			fmt.Fprintf(to, "  %s, %d clients: %q\n", w.Workload, w.Clients, failure)
		}
	}
	if others := r.others(); others > quiet {
		fmt.Fprintf(to, "\nOther programs used up to %.0f %% of the machine meanwhile: repeat this when it is quiet.\n", 100*others)
	}
	fmt.Fprintf(to, "\n%d whole logins in all.", r.Logins)
	if r.ResidentAfter > 0 {
		fmt.Fprintf(to, " Resident after %d: %.1f MiB.", r.ResidentAfter, mib(r.Resident))
	}
	if len(r.FirstAnswer) > 0 {
		fmt.Fprintf(to, " First answer after start: %v.", r.FirstAnswer)
	}
	fmt.Fprintln(to)
	return printTargets(to, r.Targets)
}

func printTargets(to io.Writer, targets []target) error {
	if len(targets) == 0 {
		return nil
	}
	fmt.Fprintln(to)
	t := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, g := range targets {
		verdict := "met"
		if !g.Met {
			verdict = "MISSED"
		}
		bound := "at most"
		if g.AtLeast {
			bound = "at least"
		}
		fmt.Fprintf(t, "%s\t%s\t%.2f\t%s %.2f\t%s\n", verdict, g.Name, g.Value, bound, g.Limit, g.Detail)
	}
	return t.Flush()
}

// markdown writes the report as a section of a page.
func (r report) markdown(to io.Writer) {
	fmt.Fprintf(to, "## %s\n\n%s, %s. Two RSA-2048 signatures: %v of processor time (median, measured beside the load). "+
		"Other programs used at most %.0f %% of the machine during any workload.\n\n",
		r.Database, r.Machine, r.At.Format(time.DateOnly), r.TwoSignatures, 100*r.others())
	fmt.Fprintln(to, "| Workload | Clients | Ops/s | p50 | p95 | p99 | Failures | Server CPU per op | in two signatures | Database CPU per op | in two signatures |")
	fmt.Fprintln(to, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
	for _, w := range r.Rows {
		fmt.Fprintf(to, "| %s | %d | %.0f | %v | %v | %v | %d | %v | %.2f | %v | %.2f |\n", w.Workload, w.Clients,
			w.PerSecond, w.P50, w.P95, w.P99, w.Failures, w.ServerCPU, w.over(w.ServerCPU), w.DatabaseCPU, w.over(w.DatabaseCPU))
	}
	fmt.Fprintln(to, "\n| Target | Value | Bound | Met | Detail |\n|---|--:|--:|---|---|")
	for _, g := range r.Targets {
		met, sign := "yes", "≤"
		if !g.Met {
			met = "**no**"
		}
		if g.AtLeast {
			sign = "≥"
		}
		fmt.Fprintf(to, "| %s | %.2f | %s %.2f | %s | %s |\n", g.Name, g.Value, sign, g.Limit, met,
			strings.ReplaceAll(g.Detail, "|", "/"))
	}
	fmt.Fprintln(to)
}

func ms(m micros) float64     { return float64(m) / 1000 }
func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
