package faults

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/internal/connection"
	"latchkey/internal/ident"
	"latchkey/internal/job"
	"latchkey/internal/seal"
	"latchkey/internal/store"
	"latchkey/internal/user"
)

// imported is how many users the file has that is imported while nodes are killed.
const imported = 100_000

func TestSoak_AnImportSurvivesKillsWithoutDuplicates(t *testing.T) {
	t.Parallel()
	soak(t)
	onEach(t, func(t *testing.T, c *cluster) {
		db := openBeside(t, c)
		key := handIn(t, db, keysOf(t, c))
		began, resumed := time.Now(), time.Duration(0)
		for _, kill := range []int{10, 40, 80} {
			before := watch(t, db, key, kill)
			for _, m := range c.members {
				if err := m.node.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			dead := time.Now()
			for _, m := range c.members {
				m.start(t)
			}
			after := watch(t, db, key, before.PercentageDone()+1)
			resumed = max(resumed, time.Since(dead))
			if after.Progress.Done < before.Progress.Done {
				t.Fatalf("%d users were done before the kill and %d after", before.Progress.Done, after.Progress.Done)
			}
			t.Logf("killed at %d %%, seen again at %d %% after %s", before.PercentageDone(), after.PercentageDone(), time.Since(dead).Round(time.Millisecond))
		}
		j := watch(t, db, key, 100)
		if want := (job.Summary{Inserted: imported, Total: imported}); j.Status != job.Completed || j.Summary != want {
			t.Fatalf("got %s with %+v (%s), want %+v", j.Status, j.Summary, j.Details, want)
		}
		t.Logf("%d users in %s, the longest pause %s", imported, time.Since(began).Round(time.Second), resumed.Round(time.Second))
		count(t, db, key.TenantID)
	})
}

// openBeside opens the database of a cluster, beside its nodes.
func openBeside(t *testing.T, c *cluster) *store.DB {
	t.Helper()
	url := c.members[0].options.Database
	if url == "" {
		url = filepath.Join(c.members[0].options.Data, "data.db")
	}
	db, err := store.Open(t.Context(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// keysOf reads the master keyset that the nodes share.
func keysOf(t *testing.T, c *cluster) *seal.Keyset {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.members[0].options.Data, "master-keyset.json"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// handIn makes a database connection and a job with a file of users for it.
func handIn(t *testing.T, db *store.DB, keys *seal.Keyset) job.Key {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	tenants, err := db.Tenants(t.Context())
	must(err)
	id, now := tenants[0].ID, time.Now()
	made := &connection.Connection{
		ID: ident.ConnectionID(), Name: "imported", Strategy: connection.Database, EnabledClients: []string{"any"}, CreatedAt: now,
	}
	must(db.CreateConnection(t.Context(), id, made))
	var file strings.Builder
	for i := range imported {
		file.WriteByte("[,"[min(i, 1)])
		fmt.Fprintf(&file, `{"email":"imported%d@example.com","user_id":"%d","user_metadata":{"n":%d}}`, i, i, i)
	}
	file.WriteByte(']')
	j := &job.Job{
		TenantID: id, ID: ident.JobID(), Type: job.UsersImport, Status: job.Uploading, CreatedAt: now,
		ConnectionID: made.ID, Connection: made.Name, Size: int64(file.Len()),
	}
	must(db.InsertJob(t.Context(), j, now.Add(time.Hour)))
	rest := file.String()
	for number := 0; rest != ""; number++ {
		n := min(len(rest), job.ChunkSize)
		chunk, err := job.Chunk{Stream: job.Input, Number: number, Content: []byte(rest[:n])}.Seal(keys, job.Key{TenantID: id, ID: j.ID})
		must(err)
		must(db.AddChunk(t.Context(), id, j.ID, chunk))
		rest = rest[n:]
	}
	j.Status = job.Pending
	must(db.SaveJob(t.Context(), j, "", now))
	return job.Key{TenantID: id, ID: j.ID}
}

// watch waits until a job has come so far, or has ended, and sees that it never goes back.
func watch(t *testing.T, db *store.DB, key job.Key, percentage int) *job.Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	last := 0
	for {
		j, err := db.Job(ctx, key.TenantID, key.ID)
		if err != nil {
			t.Fatalf("the job at %d %%: %v", last, err)
		}
		if j.PercentageDone() < last {
			t.Fatalf("the job went back from %d %% to %d %%", last, j.PercentageDone())
		}
		if last = j.PercentageDone(); last >= percentage || j.Status.Ended() {
			return j
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// count sees that each user of the file is there once.
func count(t *testing.T, db *store.DB, tenantID string) {
	t.Helper()
	seen := map[float64]bool{}
	var after user.Position
	for {
		page, err := db.UsersOfConnection(t.Context(), tenantID, "imported", after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, u := range page {
			n, _ := u.UserMetadata["n"].(float64)
			if seen[n] {
				t.Fatalf("user %v is there twice", n)
			}
			seen[n] = true
		}
		after = page[len(page)-1].Position()
	}
	if len(seen) != imported {
		t.Fatalf("%d users are there, want %d", len(seen), imported)
	}
}
