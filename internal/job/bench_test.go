package job_test

import (
	"testing"
	"time"

	"latchkey/internal/job"
	"latchkey/internal/store/storetest"
)

// BenchmarkImport imports users of a file into a new database, in one job.
func BenchmarkImport(b *testing.B) {
	const users = 5000
	for name, open := range map[string]func(testing.TB) string{"SQLite": storetest.SQLite, "PostgreSQL": storetest.PostgreSQL} {
		b.Run(name, func(b *testing.B) {
			content := file(users)
			for b.Loop() {
				b.StopTimer()
				bench := newBench(b, open(b))
				jobs := bench.node(func(c *job.Config) { c.Poll = time.Second })
				b.StartTimer()
				j := bench.ended(jobs, bench.imports(jobs, job.Import{}, content))
				if j.Summary.Inserted != users {
					b.Fatalf("got %+v, want all users inserted", j.Summary)
				}
			}
			b.ReportMetric(float64(users)*float64(b.N)/b.Elapsed().Seconds(), "users/s")
		})
	}
}
