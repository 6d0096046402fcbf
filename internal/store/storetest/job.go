package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"latchkey/internal/job"
	"latchkey/internal/store"
	"latchkey/internal/user"
)

// newJob is an import that waits to be claimed.
func newJob(tenantID, id string) *job.Job {
	return &job.Job{
		TenantID: tenantID, ID: id, Type: job.UsersImport, Status: job.Pending, CreatedAt: at(0),
		ConnectionID: "con_1", Connection: "Users", ExternalID: "“42”", Upsert: true, Size: 12,
	}
}

var jobs = []promise{
	{"AJobComesBackAsItWasWritten", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		want := newJob(id, "job_1")
		want.Slot, want.Details, want.StartedAt = "x/1", "zero \x00 byte", at(5)
		want.Format, want.Limit, want.Fields = job.CSV, 7, []job.Field{{Name: "email", ExportAs: "Mail"}}
		want.Summary = job.Summary{Failed: 1, Updated: 2, Inserted: 3, Total: 6}
		want.Progress = job.Progress{Total: 10, Done: 6, Chunks: 2, Cursor: "auth0|x", Source: "con_1"}
		ok(t, s.db.InsertJob(ctx, want, at(0)))
		got, err := s.db.Job(ctx, id, "job_1")
		ok(t, err)
		equal(t, "job", got, want)
		_, err = s.db.Job(ctx, id, "job_2")
		is(t, err, job.ErrNotFound)
		_, err = s.db.Job(ctx, s.tenant(t), "job_1")
		is(t, err, job.ErrNotFound)
	}},
	{"ASlotIsHadByOneJobUntilItEnds", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		with := func(name, slot string) *job.Job {
			j := newJob(id, name)
			j.Slot = slot
			return j
		}
		first := with("job_1", "users_import/1")
		ok(t, s.db.InsertJob(ctx, first, at(0)))
		is(t, s.db.InsertJob(ctx, with("job_2", "users_import/1"), at(0)), job.ErrSlot)
		ok(t, s.db.InsertJob(ctx, with("job_2", "users_import/2"), at(0)))
		ok(t, s.db.InsertJob(ctx, with("job_3", ""), at(0)))
		ok(t, s.db.InsertJob(ctx, with("job_4", ""), at(0)))
		other := with("job_1", "users_import/1")
		other.TenantID = s.tenant(t)
		ok(t, s.db.InsertJob(ctx, other, at(0)))
		first.Status, first.Slot = job.Failed, ""
		ok(t, s.db.SaveJob(ctx, first, "", at(0)))
		ok(t, s.db.InsertJob(ctx, with("job_5", "users_import/1"), at(0)))
		won := race(t, s.twoNodes(t), 8, func(db *store.DB, i int) (bool, error) {
			return unless(db.InsertJob(ctx, with(fmt.Sprint("race", i), "race"), at(0)), job.ErrSlot)
		})
		equal(t, "jobs in one slot", won, 1)
	}},
	{"TheJobThatIsDueLongestIsClaimedFirst", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx, here, there := t.Context(), newTenant(t, db), newTenant(t, db)
		for i, j := range []*job.Job{newJob(here, "job_2"), newJob(there, "job_1"), newJob(here, "job_3")} {
			ok(t, db.InsertJob(ctx, j, at([]int{20, 10, 900}[i])))
		}
		ended := newJob(here, "job_0")
		ended.Status = job.Completed
		ok(t, db.InsertJob(ctx, ended, at(0)))
		var got []string
		for {
			j, err := db.ClaimJob(ctx, "holder", at(100), at(1000))
			ok(t, err)
			if j == nil {
				break
			}
			got = append(got, j.ID)
			equal(t, "status", j.Status, job.Processing)
			equal(t, "external id", j.ExternalID, "“42”")
		}
		equal(t, "claimed", got, []string{"job_1", "job_2"})
	}},
	{"AClaimIsOnesUntilItRunsOut", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx, id := t.Context(), newTenant(t, db)
		ok(t, db.InsertJob(ctx, newJob(id, "job_1"), at(0)))
		claim := func(holder string, now, until int) *job.Job {
			j, err := db.ClaimJob(ctx, holder, at(now), at(until))
			ok(t, err)
			return j
		}
		j := claim("a", 0, 100)
		if j == nil {
			t.Fatal("the job is not claimed")
		}
		equal(t, "claimed by another", claim("b", 99, 200), nil)
		j.Progress.Done = 5
		is(t, db.SaveJob(ctx, j, "b", at(300)), job.ErrLost)
		is(t, db.SaveJob(ctx, j, "", at(300)), job.ErrLost)
		ok(t, db.SaveJob(ctx, j, "a", at(150)))
		equal(t, "claimed though it was prolonged", claim("b", 149, 200), nil)
		taken := claim("b", 150, 250)
		equal(t, "progress of the job that was taken over", taken.Progress.Done, 5)
		is(t, db.SaveJob(ctx, j, "a", at(300)), job.ErrLost)
		ok(t, db.ReleaseJob(ctx, id, "job_1", "a", at(160)))
		equal(t, "released by one that does not have it", claim("c", 160, 260), nil)
		ok(t, db.ReleaseJob(ctx, id, "job_1", "b", at(160)))
		j = claim("c", 160, 260)
		j.Status = job.Completed
		ok(t, db.SaveJob(ctx, j, "c", at(260)))
		is(t, db.SaveJob(ctx, j, "c", at(260)), job.ErrLost)
		equal(t, "claimed after its end", claim("d", 999, 1000), nil)
	}},
	{"OfManyNodesOneClaims", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx, id := t.Context(), newTenant(t, db)
		for i := range 3 {
			ok(t, db.InsertJob(ctx, newJob(id, fmt.Sprint("job_", i)), at(i)))
		}
		won := race(t, []*store.DB{db, db}, 8, func(db *store.DB, i int) (bool, error) {
			j, err := db.ClaimJob(ctx, fmt.Sprint(i), at(100), at(200))
			return j != nil, err
		})
		// Those who meet on a row may leave empty-handed and ask again; nobody has what another has.
		if won < 1 || won > 3 {
			t.Fatalf("%d claims of 3 jobs", won)
		}
	}},
	{"ASaveThatIsLostWritesNothingOfItsTransaction", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		ok(t, s.db.InsertJob(ctx, newJob(id, "job_1"), at(0)))
		u := person("a@example.com")
		err := s.db.InTx(ctx, func(ctx context.Context) error {
			if err := s.db.SaveJob(ctx, newJob(id, "job_1"), "somebody else", at(1)); err != nil {
				return err
			}
			if err := s.db.AddChunk(ctx, id, "job_1", job.Chunk{Stream: job.Errors, Content: []byte("[]")}); err != nil {
				return err
			}
			return s.db.CreateUser(ctx, id, u)
		})
		is(t, err, job.ErrLost)
		_, err = s.db.User(ctx, id, u.ID)
		is(t, err, user.ErrNotFound)
		content, err := s.db.Chunk(ctx, id, "job_1", job.Errors, 0)
		ok(t, err)
		equal(t, "chunk", content, nil)
	}},
	{"AJobThatIsStillBeingTakenStaysSoWhenItIsClaimed", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx, id := t.Context(), newTenant(t, db)
		j := newJob(id, "job_1")
		j.Status = job.Uploading
		ok(t, db.InsertJob(ctx, j, at(100)))
		got, err := db.ClaimJob(ctx, "a", at(99), at(200))
		ok(t, err)
		equal(t, "claimed before it was due", got, nil)
		got, err = db.ClaimJob(ctx, "a", at(100), at(200))
		ok(t, err)
		equal(t, "status", got.Status, job.Uploading)
		is(t, db.SaveJob(ctx, j, "", at(100)), job.ErrLost)
	}},
	{"FilesComeBackByChunkAndGoWithTheirJob", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		for _, name := range []string{"job_1", "job_2"} {
			ok(t, s.db.InsertJob(ctx, newJob(id, name), at(0)))
			for i := range 3 {
				for _, stream := range []job.Stream{job.Input, job.Output} {
					ok(t, s.db.AddChunk(ctx, id, name, job.Chunk{Stream: stream, Number: i, Content: []byte{0, 255, byte(i)}}))
				}
			}
		}
		read := func(tenantID, name string, stream job.Stream, number int) []byte {
			content, err := s.db.Chunk(ctx, tenantID, name, stream, number)
			ok(t, err)
			return content
		}
		equal(t, "chunk", read(id, "job_1", job.Input, 2), []byte{0, 255, 2})
		equal(t, "chunk behind the last", read(id, "job_1", job.Input, 3), nil)
		equal(t, "chunk of another stream", read(id, "job_1", job.Errors, 0), nil)
		equal(t, "chunk of another tenant", read(s.tenant(t), "job_1", job.Input, 0), nil)
		ok(t, s.db.DeleteChunks(ctx, id, "job_1", job.Input))
		ok(t, s.db.DeleteChunks(ctx, id, "job_1", job.Input))
		equal(t, "chunk of a deleted stream", read(id, "job_1", job.Input, 0), nil)
		equal(t, "chunk of another stream of its job", read(id, "job_1", job.Output, 0), []byte{0, 255, 0})
		equal(t, "chunk of its stream of another job", read(id, "job_2", job.Input, 0), []byte{0, 255, 0})
		ok(t, s.db.DeleteJob(ctx, id, "job_1"))
		ok(t, s.db.DeleteJob(ctx, id, "job_1"))
		_, err := s.db.Job(ctx, id, "job_1")
		is(t, err, job.ErrNotFound)
		equal(t, "chunk of a deleted job", read(id, "job_1", job.Output, 0), nil)
		equal(t, "chunk of another job", read(id, "job_2", job.Output, 0), []byte{0, 255, 0})
	}},
	{"OldJobsOfAllTenantsAreListed", func(t *testing.T, s *suite) {
		db := s.alone(t, store.Options{})
		ctx, here, there := t.Context(), newTenant(t, db), newTenant(t, db)
		for i, tenantID := range []string{here, there, here} {
			j := newJob(tenantID, fmt.Sprint("job_", i))
			j.CreatedAt = at(i)
			ok(t, db.InsertJob(ctx, j, at(0)))
		}
		list := func(before, limit int) []string {
			keys, err := db.JobsBefore(ctx, at(before), limit)
			ok(t, err)
			var all []string
			for _, k := range keys {
				all = append(all, k.ID)
			}
			return slices.Sorted(slices.Values(all))
		}
		equal(t, "before the third", list(2, 9), []string{"job_0", "job_1"})
		equal(t, "the oldest", list(9, 1), []string{"job_0"})
	}},
}
