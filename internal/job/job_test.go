package job_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/account"
	"latchkey/internal/apierr"
	"latchkey/internal/clock"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/ident"
	"latchkey/internal/job"
	"latchkey/internal/password"
	"latchkey/internal/seal"
	"latchkey/internal/store"
	"latchkey/internal/store/storetest"
	"latchkey/internal/tenant"
	"latchkey/internal/ticket"
	"latchkey/internal/user"
)

var begin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// bench is one tenant on one database, and nodes that run its jobs.
type bench struct {
	t      testing.TB
	db     *store.DB
	clock  *clock.Fake
	keys   *seal.Keyset
	tenant string
}

// databases runs a test on both.
func databases(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB) string{"SQLite": storetest.SQLite, "PostgreSQL": storetest.PostgreSQL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newBench(t, open(t)))
		})
	}
}

func newBench(t testing.TB, url string) *bench {
	t.Helper()
	keys, err := seal.NewKeyset()
	must(t, err)
	b := &bench{t: t, db: storetest.Open(t, url, store.Options{}), clock: clock.NewFake(begin), keys: keys, tenant: ident.Hex(8)}
	host := b.tenant + ".example.com"
	must(t, b.db.CreateTenant(t.Context(), &tenant.Tenant{
		ID: b.tenant, Name: b.tenant, Domain: tenant.Domain{Host: host, Issuer: "https://" + host + "/"}, CreatedAt: begin,
	}))
	for _, c := range []struct{ name, strategy, options string }{
		{"users", "auth0", `{}`}, {"named", "auth0", `{"requires_username":true}`}, {"more", "auth0", `{}`}, {"email", "email", `{}`},
		{"off", "auth0", `{}`}, {"custom", "auth0", `{"enabledDatabaseCustomization":true}`},
	} {
		made := &connection.Connection{ID: b.id(c.name), Name: c.name, Strategy: connection.Strategy(c.strategy), CreatedAt: begin}
		must(t, json.Unmarshal([]byte(c.options), &made.Options))
		if c.name != "off" {
			made.EnabledClients = []string{"app"}
		}
		must(t, b.db.CreateConnection(t.Context(), b.tenant, made))
	}
	return b
}

// id is that of a connection.
func (b *bench) id(name string) string { return "con_" + (name + "0000000000000000")[:16] }

// node starts a node, which lives until the end of the test unless it is closed before.
func (b *bench) node(change func(*job.Config)) *job.Jobs {
	b.t.Helper()
	log := eventlog.New(b.db, b.clock, 1)
	c := job.Config{
		Store: b.db, Users: b.db, Connections: b.db, Events: log, Keys: b.keys, Clock: b.clock,
		Accounts: account.New(account.Config{Tx: b.db, Users: b.db, Connections: b.db, Log: log, Seal: b.keys, Clock: b.clock}),
		Log:      slog.New(slog.DiscardHandler), Poll: 5 * time.Millisecond, MaxImport: 8 << 20,
	}
	if change != nil {
		change(&c)
	}
	jobs, err := job.New(c)
	must(b.t, err)
	b.t.Cleanup(func() { must(b.t, jobs.Close(context.Background())) })
	return jobs
}

// imports hands in a file.
func (b *bench) imports(jobs *job.Jobs, in job.Import, file string) *job.Job {
	b.t.Helper()
	if in.ConnectionID == "" {
		in.ConnectionID = b.id("users")
	}
	j, err := b.create(jobs, in, strings.NewReader(file))
	must(b.t, err)
	return j
}

// create takes a file and makes its import, as the edge does.
func (b *bench) create(jobs *job.Jobs, in job.Import, file io.Reader) (*job.Job, error) {
	ctx := b.t.Context()
	u, err := jobs.Upload(ctx, b.tenant, file)
	if err != nil {
		return nil, err
	}
	return written(ctx)(jobs.PrepareImport(ctx, b.tenant, in, u))
}

// written commits a job that is ready.
func written(ctx context.Context) func(*job.Ready, error) (*job.Job, error) {
	return func(ready *job.Ready, err error) (*job.Job, error) {
		if err != nil {
			return nil, err
		}
		if err := ready.Commit(ctx); err != nil {
			return nil, errors.Join(err, ready.Drop(context.WithoutCancel(ctx)))
		}
		ready.Committed()
		return ready.Job, nil
	}
}

// ended waits for the end of a job.
func (b *bench) ended(jobs *job.Jobs, j *job.Job) *job.Job {
	b.t.Helper()
	return b.until(jobs, j, func(j *job.Job) bool { return j.Status.Ended() })
}

// until waits for a state of a job, while the clock goes on.
func (b *bench) until(jobs *job.Jobs, j *job.Job, reached func(*job.Job) bool) *job.Job {
	b.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for {
		now, err := jobs.Job(b.t.Context(), b.tenant, j.ID)
		must(b.t, err)
		if reached(now) {
			return now
		}
		select {
		case <-tick.C:
		case <-late:
			b.t.Fatalf("the job stays at %+v", now)
		}
	}
}

// all lists the users of a connection.
func (b *bench) all(connection string) []*user.User {
	b.t.Helper()
	var all []*user.User
	var after user.Position
	for {
		page, err := b.db.UsersOfConnection(b.t.Context(), b.tenant, connection, after, 1000)
		must(b.t, err)
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
		after = page[len(page)-1].Position()
	}
}

func (b *bench) find(connection, identifier string) *user.User {
	b.t.Helper()
	u, _, err := b.db.Find(b.t.Context(), b.tenant, connection, identifier)
	must(b.t, err)
	if u == nil {
		b.t.Fatalf("there is no user %s", identifier)
	}
	return u
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("got error %v, want none", err)
	}
}

func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, d)
	}
}

// file gives a file of n users.
func file(n int) string {
	var f strings.Builder
	f.WriteByte('[')
	for i := range n {
		if i > 0 {
			f.WriteByte(',')
		}
		fmt.Fprintf(&f, `{"email":"user%d@example.com","user_metadata":{"n":%d}}`, i, i)
	}
	f.WriteByte(']')
	return f.String()
}

// commits stands between a node and its database and may do something else with the commits of its jobs.
type commits struct {
	*store.DB
	count atomic.Int64
	on    func(n int64, commit func() error) error
}

func (c *commits) InTx(ctx context.Context, fn func(ctx context.Context) error) error {
	return c.on(c.count.Add(1), func() error { return c.DB.InTx(ctx, fn) })
}

func TestImport_MakesUsersWithDefaultsAndTheirPasswords(t *testing.T) {
	databases(t, func(t *testing.T, b *bench) {
		jobs := b.node(nil)
		j := b.imports(jobs, job.Import{ExternalID: "42", SendCompletionEmail: true}, `[
			{"email":"Ada@Example.com","user_id":"7","given_name":"Ada","blocked":true,"app_metadata":{"plan":"x"},"user_metadata":{"n":1.5},
				"password_hash":"$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"},
			{"email":"bob@example.com","email_verified":true,"user_id":"auth0|8",
				"custom_password_hash":{"algorithm":"md5","hash":{"value":"0f8ace3b2b97fc3820def0a5a79cf93a","encoding":"hex"},"salt":{"value":"salt","position":"suffix"}}},
			{"email":"eve@example.com"}]`)
		if j.Status != job.Pending || !strings.HasPrefix(j.ID, "job_") || j.Connection != "users" || j.ExternalID != "42" {
			t.Errorf("got %+v, want a pending job of its connection", j)
		}
		j = b.ended(jobs, j)
		equal(t, "status", j.Status, job.Completed)
		equal(t, "summary", j.Summary, job.Summary{Inserted: 3, Total: 3})
		equal(t, "percentage", j.PercentageDone(), 100)
		refused, err := jobs.Refused(t.Context(), b.tenant, j.ID)
		must(t, err)
		equal(t, "refused", refused, nil)

		ada, bob, eve := b.find("users", "ada@example.com"), b.find("users", "bob@example.com"), b.find("users", "eve@example.com")
		equal(t, "id", ada.ID, "auth0|7")
		equal(t, "id that had the prefix", bob.ID, "auth0|auth0|8")
		equal(t, "name", ada.Name, "ada@example.com")
		equal(t, "nickname", ada.Nickname, "ada")
		equal(t, "blocked", []bool{ada.Blocked, bob.Blocked}, []bool{true, false})
		equal(t, "verified", []bool{ada.EmailVerified, bob.EmailVerified}, []bool{false, true})
		equal(t, "metadata", ada.UserMetadata, map[string]any{"n": 1.5})
		equal(t, "app metadata", ada.AppMetadata, map[string]any{"plan": "x"})
		equal(t, "eve's password", eve.Password, "")
		for _, u := range []*user.User{ada, bob} {
			matches, err := password.New(0).Verify(t.Context(), u.Password, "correct horse")
			must(t, err)
			equal(t, "password of "+u.Email, matches, true)
		}
		events, err := b.db.Events(t.Context(), b.tenant, eventlog.Criteria{Type: eventlog.UserImported}, 10)
		must(t, err)
		if len(events) != 1 || events[0].Connection != "users" {
			t.Errorf("got events %+v, want one that says that users were imported", events)
		}
	})
}

// A node may hang for longer than its claim lasts, in the middle of a commit, and wake up again.
func TestImport_OfANodeThatHangsIsFinishedByAnotherWithoutDuplicates(t *testing.T) {
	databases(t, func(t *testing.T, b *bench) {
		const users, before = 2000, 7
		hung, wake := make(chan struct{}), make(chan struct{})
		awake := make(chan error, 1)
		first := b.node(func(c *job.Config) {
			s := &commits{DB: b.db}
			// The first two say that the job began and how many users there are.
			s.on = func(n int64, commit func() error) error {
				if n != 2+before+1 {
					return commit()
				}
				close(hung)
				<-wake
				err := commit()
				awake <- err
				return err
			}
			c.Store = s
		})
		j := b.imports(first, job.Import{}, file(users))
		<-hung
		now, err := first.Job(t.Context(), b.tenant, j.ID)
		must(t, err)
		equal(t, "status while it runs", now.Status, job.Processing)
		equal(t, "percentage while it runs", now.PercentageDone(), 35)
		equal(t, "users while it runs", len(b.all("users")), 100*before)
		left, known := now.TimeLeft(now.StartedAt.Add(35 * time.Second))
		equal(t, "time left", []any{left, known}, []any{65 * time.Second, true})

		second := b.node(nil)
		b.clock.Advance(19 * time.Second)
		claimed, err := b.db.ClaimJob(t.Context(), "too early", b.clock.Now(), b.clock.Now())
		must(t, err)
		if claimed != nil {
			t.Fatal("the job was claimed while another node had it")
		}
		b.clock.Advance(time.Second)
		b.ended(second, j)
		close(wake)
		if err := <-awake; !errors.Is(err, job.ErrLost) {
			t.Errorf("the node that woke up: got %v, want ErrLost", err)
		}
		now, err = second.Job(t.Context(), b.tenant, j.ID)
		must(t, err)
		equal(t, "status", now.Status, job.Completed)
		equal(t, "summary", now.Summary, job.Summary{Inserted: users, Total: users})
		equal(t, "users", len(b.all("users")), users)
		refused, err := second.Refused(t.Context(), b.tenant, j.ID)
		must(t, err)
		equal(t, "refused", len(refused), 0)
	})
}

// Whether a commit was written is not known when the answer to it is lost.
func TestImport_GoesOnAfterCommitsWhoseAnswersWereLost(t *testing.T) {
	databases(t, func(t *testing.T, b *bench) {
		lost := apierr.New(apierr.Unavailable, "database_unavailable", "lost")
		jobs := b.node(func(c *job.Config) {
			s := &commits{DB: b.db}
			s.on = func(n int64, commit func() error) error {
				switch {
				case n%5 == 3: // written, and not known
					return errors.Join(commit(), lost)
				case n%5 == 4: // not written
					return lost
				}
				return commit()
			}
			c.Store = s
		})
		j := b.imports(jobs, job.Import{}, file(950))
		j = b.until(jobs, j, func(j *job.Job) bool {
			b.clock.Advance(100 * time.Millisecond) // the pause after a failure
			return j.Status.Ended()
		})
		equal(t, "status", j.Status, job.Completed)
		equal(t, "summary", j.Summary, job.Summary{Inserted: 950, Total: 950})
		equal(t, "users", len(b.all("users")), 950)
	})
}

func TestClose_GivesUpTheClaimSoThatAnotherNodeGoesOnAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLite(t))
	reached, goOn := make(chan struct{}), make(chan struct{})
	first := b.node(func(c *job.Config) {
		s := &commits{DB: b.db}
		s.on = func(n int64, commit func() error) error {
			if n == 5 {
				close(reached)
				<-goOn
			}
			return commit()
		}
		c.Store = s
	})
	j := b.imports(first, job.Import{}, file(1000))
	<-reached
	closed := make(chan error)
	go func() { closed <- first.Close(context.Background()) }()
	close(goOn)
	must(t, <-closed)
	now, err := first.Job(t.Context(), b.tenant, j.ID)
	must(t, err)
	if now.Status.Ended() {
		t.Fatalf("got %s: the node did not stop", now.Status)
	}
	now = b.ended(b.node(nil), j) // the clock stands still
	equal(t, "summary", now.Summary, job.Summary{Inserted: 1000, Total: 1000})
}

func TestImport_OfUsersWhoAreThereIsRefusedOneByOne(t *testing.T) {
	databases(t, func(t *testing.T, b *bench) {
		jobs := b.node(nil)
		b.ended(jobs, b.imports(jobs, job.Import{}, `[{"email":"a@example.com","user_id":"1","name":"A"}]`))
		j := b.ended(jobs, b.imports(jobs, job.Import{}, `[
			{"email":"A@example.com","name":"B","password_hash":"$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"},
			{"email":"b@example.com","user_id":"1"}, {"email":"c@example.com"}, {"email":"C@Example.com"}, {"email":"d@example.com"}]`))
		equal(t, "status", j.Status, job.Completed)
		equal(t, "summary", j.Summary, job.Summary{Failed: 3, Inserted: 2, Total: 5})
		refused, err := jobs.Refused(t.Context(), b.tenant, j.ID)
		must(t, err)
		duplicated := []job.ImportError{{Code: "DUPLICATED_USER", Message: "The user already exist and upsert parameter is false"}}
		equal(t, "refused", refused, []job.UserError{
			{User: map[string]any{"email": "A@example.com", "name": "B", "password_hash": "*****"}, Errors: duplicated},
			{User: map[string]any{"email": "b@example.com", "user_id": "1"}, Errors: duplicated},
			{User: map[string]any{"email": "C@Example.com"}, Errors: duplicated},
		})
		equal(t, "name of the one who was there", b.find("users", "a@example.com").Name, "A")
		equal(t, "users", len(b.all("users")), 3)
	})
}

func TestImport_WithUpsertReplacesWhatMayBeUpdated(t *testing.T) {
	databases(t, func(t *testing.T, b *bench) {
		jobs := b.node(nil)
		const md5 = `"custom_password_hash":{"algorithm":"md5","hash":{"value":"%s","encoding":"hex"}}`
		old, fresh := fmt.Sprintf(md5, "de8498eb12b0309737310c8971cfc7a2"), fmt.Sprintf(md5, "0f8ace3b2b97fc3820def0a5a79cf93a")
		b.ended(jobs, b.imports(jobs, job.Import{ConnectionID: b.id("named")}, `[
			{"email":"a@example.com","username":"a","user_id":"1","name":"A","nickname":"aa","user_metadata":{"x":1},"app_metadata":{"y":1},`+old+`},
			{"email":"b@example.com","username":"b",`+old+`}, {"email":"z@example.com","username":"z"}]`))
		a, bob := b.find("named", "a@example.com"), b.find("named", "b@example.com")
		must(t, b.db.RecordLogin(t.Context(), b.tenant, bob.ID, user.Login{At: begin, IP: "192.0.2.1"}))
		j := b.ended(jobs, b.imports(jobs, job.Import{ConnectionID: b.id("named"), Upsert: true}, `[
			{"email":"A@example.com","username":"other","user_id":"9","name":"A2","blocked":true,"email_verified":true,"user_metadata":{"z":2,"y":null},`+fresh+`},
			{"email":"b@example.com","username":"b",`+fresh+`},
			{"email":"a@example.com","username":"a","name":"twice"},
			{"email":"c@example.com","username":"z"},
			{"email":"new@example.com","username":"new"},
			{"email":"new@example.com","username":"newer"}]`))
		equal(t, "summary", j.Summary, job.Summary{Failed: 3, Updated: 2, Inserted: 1, Total: 6})
		refused, err := jobs.Refused(t.Context(), b.tenant, j.ID)
		must(t, err)
		var codes []string
		for _, r := range refused {
			codes = append(codes, r.Errors[0].Code)
		}
		equal(t, "codes", codes, []string{"DUPLICATED_USER", "CONFLICT", "DUPLICATED_USER"})

		got := b.find("named", "a@example.com")
		equal(t, "id, username and block, which stay", []any{got.ID, got.Username, got.Blocked}, []any{"auth0|1", "a", false})
		equal(t, "profile", []any{got.Name, got.Nickname, got.EmailVerified}, []any{"A2", "aa", true})
		equal(t, "user metadata", got.UserMetadata, map[string]any{"z": 2.0})
		equal(t, "app metadata", got.AppMetadata, map[string]any{"y": 1.0})
		if got.Password == a.Password {
			t.Error("the hash of somebody who never logged in stays")
		}
		if b.find("named", "b@example.com").Password != bob.Password {
			t.Error("the hash of somebody who has logged in was replaced")
		}
		equal(t, "name of the new one", b.find("named", "new").Email, "new@example.com")
	})
}

func TestImport_WithUpsertKnowsAfterARestartWhatTheFileNamedBefore(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLite(t))
	lost := apierr.New(apierr.Unavailable, "database_unavailable", "lost")
	jobs := b.node(func(c *job.Config) {
		s := &commits{DB: b.db}
		s.on = func(n int64, commit func() error) error {
			if n == 4 {
				return lost
			}
			return commit()
		}
		c.Store = s
	})
	users := strings.TrimSuffix(file(150), "]") + `,{"email":"user0@example.com"}]`
	j := b.imports(jobs, job.Import{Upsert: true}, users)
	j = b.until(jobs, j, func(j *job.Job) bool {
		b.clock.Advance(100 * time.Millisecond)
		return j.Status.Ended()
	})
	equal(t, "summary", j.Summary, job.Summary{Failed: 1, Inserted: 150, Total: 151})
}

func TestImport_TellsWhatIsWrongWithEachUser(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLite(t))
	jobs := b.node(nil)
	for _, c := range []struct {
		user string
		want job.ImportError
	}{
		{`7`, job.ImportError{Code: "INVALID_TYPE", Message: "Expected type object but found type number"}},
		{`{"name":"x"}`, job.ImportError{Code: "OBJECT_REQUIRED", Message: "Missing required property: email", Path: "email"}},
		{`{"email":"x"}`, job.ImportError{Code: "FORMAT", Message: "Object didn't pass validation for format email: x", Path: "email"}},
		{`{"email":"a@b.c","b":1,"a":1}`, job.ImportError{Code: "OBJECT_ADDITIONAL_PROPERTIES", Message: "Additional properties not allowed: a,b"}},
		{`{"email":"a@b.c","blocked":"no"}`, job.ImportError{Code: "INVALID_TYPE", Message: "Expected type boolean but found type string", Path: "blocked"}},
		{`{"email":"a@b.c","username":""}`, job.ImportError{Code: "MIN_LENGTH", Message: "String is too short (0 chars), minimum 1", Path: "username"}},
		{`{"email":"a@b.c","given_name":"` + strings.Repeat("x", 151) + `"}`, job.ImportError{Code: "MAX_LENGTH", Message: "String is too long (151 chars), maximum 150", Path: "given_name"}},
		{`{"email":"a@b.c","phone_number":"1"}`, job.ImportError{Code: "PATTERN", Message: `String does not match pattern ^\+[0-9]{1,15}$`, Path: "phone_number"}},
		{`{"email":"a@b.c","mfa_factors":[]}`, job.ImportError{Code: "ARRAY_LENGTH_SHORT", Message: "Array is too short (0), minimum 1", Path: "mfa_factors"}},
		{`{"email":"a@b.c","mfa_factors":[{"totp":{"secret":"a"}}]}`, job.ImportError{Code: "PATTERN", Message: "String does not match pattern ^[A-Z2-7]+$", Path: "mfa_factors[0].totp.secret"}},
		{`{"email":"a@b.c","app_metadata":{"_id":1}}`, job.ImportError{Code: "NOT_PASSED", Message: "The object has a reserved property among: _id", Path: "app_metadata"}},
		{`{"email":"a@b.c","password_hash":"x","custom_password_hash":{"algorithm":"md5","hash":{"value":""}}}`, job.ImportError{Code: "NOT_PASSED", Message: "password_hash and custom_password_hash are mutually exclusive", Path: "custom_password_hash"}},
		{`{"email":"a@b.c","password_hash":"x"}`, job.ImportError{Code: "FORMAT", Message: "password_hash must be a bcrypt hash that begins with $2a$ or $2b$", Path: "password_hash"}},
		{`{"email":"a@b.c","custom_password_hash":{"algorithm":"md6","hash":{"value":""}}}`, job.ImportError{Code: "ENUM_MISMATCH", Message: `No enum match for: "md6"`, Path: "custom_password_hash.algorithm"}},
		{`{"email":"a@b.c","custom_password_hash":{"algorithm":"md5"}}`, job.ImportError{Code: "OBJECT_REQUIRED", Message: "Missing required property: hash", Path: "custom_password_hash.hash"}},
		{`{"email":"a@b.c","custom_password_hash":{"algorithm":"md5","hash":{"value":"00","encoding":"utf8"}}}`, job.ImportError{Code: "FORMAT", Message: "the encoding of md5 hashes must be hex or base64", Path: "custom_password_hash.hash.encoding"}},
		{`{"email":"a@b.c","custom_password_hash":{"algorithm":"scrypt","keylen":0,"hash":{"value":"00","encoding":"hex"}}}`, job.ImportError{Code: "MINIMUM", Message: "Value 0 is less than minimum 1", Path: "custom_password_hash.keylen"}},
		// Once accepted: PostgreSQL could not keep the first two, and the job never ended.
		{`{"email":"a@b.c","name":"a\u0000b"}`, job.ImportError{Code: "FORMAT", Message: "Texts must be UTF-8 without the NUL character"}},
		{`{"email":"a@b.c","user_metadata":{"a":["\u0000"]}}`, job.ImportError{Code: "FORMAT", Message: "Texts must be UTF-8 without the NUL character"}},
		{`{"email":"a@b.c","user_metadata":{"a":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}}`, job.ImportError{Code: "FORMAT", Message: "Values are nested more than 500 deep"}},
		{`{"email":"a@b.c","username":"x"}`, job.ImportError{Code: "NOT_PASSED", Message: "Cannot set username for connection without requires_username"}},
	} {
		j := b.ended(jobs, b.imports(jobs, job.Import{}, "["+c.user+"]"))
		equal(t, "summary of "+c.user, j.Summary, job.Summary{Failed: 1, Total: 1})
		refused, err := jobs.Refused(t.Context(), b.tenant, j.ID)
		must(t, err)
		if len(refused) != 1 {
			t.Errorf("%s: got %d refusals, want 1", c.user, len(refused))
			continue
		}
		equal(t, "errors of "+c.user, refused[0].Errors, []job.ImportError{c.want})
	}
	equal(t, "users", len(b.all("users")), 0)
}

func TestImport_ShowsAndKeepsNoSecretOfWhatItRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLite(t))
	idle := b.node(func(c *job.Config) { c.Idle = true })
	j := b.imports(idle, job.Import{}, `[{"email":"a@b.c","password":"CLEAR1"},
		{"email":"b@b.c","passwordHash":"CLEAR2","user_metadata":{"Secret":["CLEAR3"],"color":"red"}},
		{"email":"c@b.c","custom_password_hash":{"algorithm":"md5","hash":{"value":"CLEAR4","encoding":"CLEAR5"},"salt":{"value":"CLEAR6"},"x":"CLEAR7"}},
		{"email":"d@b.c","mfa_factors":[{"totp":{"secret":"CLEAR8"}}]},
		{"email":"e@b.c","custom_password_hash":{"algorithm":"md5","hash":{"value":"CLEAR9"},"salt":{"value":"CLEARA","position":"prefix"}},"y":1}]`)
	rows := func(stream job.Stream) (all string) {
		for n := 0; ; n++ {
			content, err := b.db.Chunk(t.Context(), b.tenant, j.ID, stream, n)
			must(t, err)
			if content == nil {
				return all
			}
			all += string(content)
		}
	}
	if waits := rows(job.Input); waits == "" || strings.Contains(waits, "CLEAR") || strings.Contains(waits, "a@b.c") {
		t.Errorf("the file that waits is kept as %q", waits)
	}
	jobs := b.node(nil)
	equal(t, "summary", b.ended(jobs, j).Summary, job.Summary{Failed: 5, Total: 5})
	equal(t, "the file of a job that has ended", rows(job.Input), "")
	refused, err := jobs.Refused(t.Context(), b.tenant, j.ID)
	must(t, err)
	text, err := json.Marshal(refused)
	must(t, err)
	if strings.Contains(strings.ReplaceAll(string(text), "CLEAR5", ""), "CLEAR") {
		t.Errorf("secrets are shown: %s", text)
	}
	if kept := rows(job.Errors); kept == "" || strings.Contains(kept, "a@b.c") {
		t.Errorf("what was refused is kept as %q", kept)
	}
	equal[any](t, "the last of them", refused[4].User, map[string]any{"email": "e@b.c", "y": 1.0, "custom_password_hash": map[string]any{
		"algorithm": "md5", "hash": map[string]any{"value": "*****"}, "salt": map[string]any{"value": "*****", "position": "prefix"},
	}})

	broken := b.imports(jobs, job.Import{}, `{"password":"CLEAR"}`)
	equal(t, "a file that is no list", b.ended(jobs, broken).Status, job.Failed)
	content, err := b.db.Chunk(t.Context(), b.tenant, broken.ID, job.Input, 0)
	must(t, err)
	equal(t, "its file", content, nil)
}

func TestImport_TellsThatFactorsWereNotEnrolled(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLite(t))
	jobs := b.node(nil)
	j := b.ended(jobs, b.imports(jobs, job.Import{}, `[{"email":"a@b.c","mfa_factors":[{"totp":{"secret":"JBSWY3DP"}}]}]`))
	equal(t, "summary", j.Summary, job.Summary{Inserted: 1, Total: 1})
	refused, err := jobs.Refused(t.Context(), b.tenant, j.ID)
	must(t, err)
	if len(refused) != 1 || refused[0].Errors[0].Code != "MFA_FACTORS_FAILED" {
		t.Fatalf("got %+v, want MFA_FACTORS_FAILED", refused)
	}
	if shown := fmt.Sprint(refused[0].User); strings.Contains(shown, "JBSWY3DP") {
		t.Errorf("got %s, want the secret hidden", shown)
	}
}

func TestImport_OfAFileThatIsNoArrayImportsNobody(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLite(t))
	jobs := b.node(nil)
	for _, file := range []string{
		`{"email":"a@b.c"}`, `nonsense`, `[{"email":"a@b.c"}`, `[{"email":"a@b.c"},]`, `[{"email":"a@b.c"}] x`, `[{"email":"a@b.c"} {}]`,
		strings.TrimSuffix(file(300), "]"),
	} {
		j := b.ended(jobs, b.imports(jobs, job.Import{}, file))
		equal(t, "status of "+file[:min(20, len(file))], j.Status, job.Failed)
		equal(t, "details", j.Details, "Failed to parse users file JSON when importing users. Make sure it is valid JSON.")
	}
	equal(t, "users", len(b.all("users")), 0)
	j := b.ended(jobs, b.imports(jobs, job.Import{}, ` [ ] `))
	equal(t, "an empty array", []any{j.Status, j.Summary}, []any{job.Completed, job.Summary{}})
}

func TestImport_RefusesWhatTheAPIDoes(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLite(t))
	jobs := b.node(func(c *job.Config) { c.MaxImport = 100 })
	for _, c := range []struct {
		connection, file string
		want             error
	}{
		{"con_nowhere", "[]", connection.ErrNotFound}, {b.id("email"), "[]", job.ErrNotDatabase}, {b.id("off"), "[]", job.ErrDisabled},
		{b.id("custom"), "[]", job.ErrNoImportMode}, {b.id("users"), "", job.ErrEmptyFile},
		{b.id("users"), strings.Repeat(" ", 101), job.ErrTooLarge},
	} {
		for range 3 { // a refused file leaves its slot
			_, err := b.create(jobs, job.Import{ConnectionID: c.connection}, strings.NewReader(c.file))
			if !errors.Is(err, c.want) {
				t.Errorf("%s with %d bytes: got %v, want %v", c.connection, len(c.file), err, c.want)
			}
		}
	}
	_, err := b.create(jobs, job.Import{ConnectionID: b.id("users")}, strings.NewReader(strings.Repeat(" ", 101)))
	equal(t, "message", apierr.As(err).Message, "Payload content length greater than maximum allowed: 100")
	_, err = b.create(jobs, job.Import{ConnectionID: b.id("users")}, io.MultiReader(strings.NewReader("["), broken{}))
	if err == nil {
		t.Error("a file that broke off was taken")
	}
	b.ended(jobs, b.imports(jobs, job.Import{}, strings.Repeat(" ", 98)+"[]"))
}

// broken is a connection that is cut.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("cut") }

// idle is a database in which a node finds no work.
type idle struct{ *store.DB }

func (idle) ClaimJob(context.Context, string, time.Time, time.Time) (*job.Job, error) {
	return nil, nil
}

func TestImport_TakesTwoAtATime(t *testing.T) {
	databases(t, func(t *testing.T, b *bench) {
		jobs := b.node(func(c *job.Config) { c.Store = idle{b.db} })
		first := b.imports(jobs, job.Import{}, file(1))
		b.imports(jobs, job.Import{}, file(2))
		_, err := b.create(jobs, job.Import{ConnectionID: b.id("users")}, strings.NewReader(file(1)))
		if !errors.Is(err, job.ErrTooManyJobs) {
			t.Fatalf("got %v, want ErrTooManyJobs", err)
		}
		b.ended(b.node(nil), first)
		b.imports(jobs, job.Import{}, file(3))
	})
}

func TestJob_WhoseFileNeverCameInWholeFailsAndFreesItsSlot(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLite(t))
	// What a process leaves that dies while the file comes in.
	j := &job.Job{
		TenantID: b.tenant, ID: "job_1", Type: job.UsersImport, Status: job.Uploading, Slot: "users_import/0",
		ConnectionID: b.id("users"), CreatedAt: begin,
	}
	must(t, b.db.InsertJob(t.Context(), j, begin.Add(10*time.Minute)))
	jobs := b.node(nil)
	if _, err := jobs.Job(t.Context(), b.tenant, j.ID); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("got %v, want a job that is still coming in to be unknown", err)
	}
	b.clock.Advance(10 * time.Minute)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		got, err := b.db.Job(t.Context(), b.tenant, j.ID)
		must(t, err)
		if got.Status.Ended() {
			equal(t, "status and slot", []any{got.Status, got.Slot}, []any{job.Failed, ""})
			return
		}
		<-tick.C
	}
}

func TestJob_ThatTakesTooLongFails(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLite(t))
	jobs := b.node(func(c *job.Config) {
		s := &commits{DB: b.db}
		s.on = func(n int64, commit func() error) error {
			if n == 4 {
				b.clock.Advance(2*time.Hour + time.Second)
			}
			return commit()
		}
		c.Store = s
	})
	j := b.ended(jobs, b.imports(jobs, job.Import{}, file(500)))
	equal(t, "status", j.Status, job.Failed)
	equal(t, "details", j.Details, "The job timed out.")
	if n := len(b.all("users")); n == 0 || n == 500 {
		t.Errorf("%d users were imported, want some", n)
	}
}

// later is a node that has not heard yet of a connection which another node has made.
type later struct {
	*store.DB
	asked atomic.Int64
}

func (l *later) Connections(ctx context.Context, tenantID string) ([]*connection.Connection, error) {
	if l.asked.Add(1) == 2 { // the first time it is asked for the answer to the request
		return nil, nil
	}
	return l.DB.Connections(ctx, tenantID)
}

func TestJob_WaitsForAConnectionThatWasMadeAMomentAgo(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLite(t))
	jobs := b.node(func(c *job.Config) { c.Connections = &later{DB: b.db} })
	j := b.imports(jobs, job.Import{}, file(3))
	j = b.until(jobs, j, func(j *job.Job) bool {
		b.clock.Advance(100 * time.Millisecond)
		return j.Status.Ended()
	})
	equal(t, "status", j.Status, job.Completed)
}

// none is a node that knows of no connection but in the request.
type none struct{ later }

func (n *none) Connections(ctx context.Context, tenantID string) ([]*connection.Connection, error) {
	if n.asked.Add(1) == 1 {
		return n.DB.Connections(ctx, tenantID)
	}
	return nil, nil
}

func TestJob_OfAConnectionThatWasDeletedFails(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLite(t))
	jobs := b.node(func(c *job.Config) { c.Connections = &none{later{DB: b.db}} })
	j := b.imports(jobs, job.Import{}, file(3))
	j = b.until(jobs, j, func(j *job.Job) bool {
		b.clock.Advance(100 * time.Millisecond)
		return j.Status.Ended()
	})
	equal(t, "status", j.Status, job.Failed)
	equal(t, "details", j.Details, "The connection does not exist")
}

func TestJob_IsForgottenAfterADay(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLite(t))
	jobs := b.node(nil)
	j := b.ended(jobs, b.imports(jobs, job.Import{}, file(3)))
	b.clock.Advance(24*time.Hour - time.Millisecond)
	if _, err := jobs.Job(t.Context(), b.tenant, j.ID); err != nil {
		t.Errorf("after a day less a moment: got error %v", err)
	}
	b.clock.Advance(2 * time.Millisecond)
	if _, err := jobs.Job(t.Context(), b.tenant, j.ID); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("after a day: got error %v, want ErrNotFound", err)
	}
	next := b.node(nil) // sweeps as it begins
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := b.db.Job(t.Context(), b.tenant, j.ID); errors.Is(err, job.ErrNotFound) {
			break
		}
		<-tick.C
	}
	content, err := b.db.Chunk(t.Context(), b.tenant, j.ID, job.Input, 0)
	must(t, err)
	equal(t, "file", content, nil)
	must(t, next.Close(t.Context()))
}

func TestJob_OfAnotherTenantDoesNotExist(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLite(t))
	jobs := b.node(nil)
	j := b.ended(jobs, b.imports(jobs, job.Import{}, `[7]`))
	if _, err := jobs.Job(t.Context(), "other", j.ID); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	if _, err := jobs.Refused(t.Context(), "other", j.ID); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

// export runs an export and gives its file.
func (b *bench) export(jobs *job.Jobs, in job.Export) string {
	b.t.Helper()
	j, err := written(b.t.Context())(jobs.PrepareExport(b.t.Context(), b.tenant, in))
	must(b.t, err)
	j = b.until(jobs, j, func(j *job.Job) bool {
		b.clock.Advance(100 * time.Millisecond)
		return j.Status.Ended()
	})
	equal(b.t, "status", j.Status, job.Completed)
	return b.download(jobs, j)
}

func (b *bench) download(jobs *job.Jobs, j *job.Job) string {
	b.t.Helper()
	_, packed, err := jobs.Open(b.t.Context(), b.tenant, j.ID, jobs.DownloadKey(j))
	must(b.t, err)
	z, err := gzip.NewReader(packed)
	must(b.t, err)
	content, err := io.ReadAll(z)
	must(b.t, err)
	return string(content)
}

// people imports users for exports, one after the other.
func (b *bench) people(jobs *job.Jobs) {
	b.t.Helper()
	for _, p := range []struct{ connection, user string }{
		{"users", `{"email":"a@example.com","user_id":"1","name":"=cmd|' /C calc'!A0","given_name":"A","user_metadata":{"plan":"x","tags":["p","q"],"zip":7}}`},
		{"more", `{"email":"b@example.com","user_id":"2","name":"B \"b\", b","email_verified":true,"app_metadata":{"deep":{"er":true}}}`},
		{"users", `{"email":"c@example.com","user_id":"3","nickname":"cc"}`},
	} {
		b.ended(jobs, b.imports(jobs, job.Import{ConnectionID: b.id(p.connection)}, "["+p.user+"]"))
		b.clock.Advance(time.Second)
	}
}

func TestExport_WritesWhatWasAskedFor(t *testing.T) {
	databases(t, func(t *testing.T, b *bench) {
		jobs := b.node(nil)
		b.people(jobs)
		for _, c := range []struct {
			about string
			in    job.Export
			want  string
		}{
			{"the default fields", job.Export{ConnectionID: b.id("more")},
				`{"Id":"auth0|2","Nickname":"b","Name":"B \"b\", b","Email":"b@example.com","Email Verified":true,` +
					`"Created At":"2026-03-01T12:00:01.000Z","Updated At":"2026-03-01T12:00:01.000Z"}` + "\n"},
			{"paths and names", job.Export{ConnectionID: b.id("users"), Format: job.JSON, Fields: []job.Field{
				{Name: "email"}, {Name: "identities[0].connection", ExportAs: "provider"}, {Name: "user_metadata.plan"}, {Name: "user_metadata", ExportAs: "m"},
			}}, `{"email":"a@example.com","provider":"users","user_metadata.plan":"x","m":{"plan":"x","tags":["p","q"],"zip":7}}` + "\n" +
				`{"email":"c@example.com","provider":"users"}` + "\n"},
			{"all connections", job.Export{Fields: []job.Field{{Name: "user_id"}}},
				`{"user_id":"auth0|2"}` + "\n" + `{"user_id":"auth0|1"}` + "\n" + `{"user_id":"auth0|3"}` + "\n"},
			{"a limit", job.Export{Limit: 2, Fields: []job.Field{{Name: "user_id"}}}, `{"user_id":"auth0|2"}` + "\n" + `{"user_id":"auth0|1"}` + "\n"},
			{"a connection without users", job.Export{ConnectionID: b.id("email")}, ""},
			{"CSV", job.Export{Format: job.CSV, Fields: []job.Field{
				{Name: "email"}, {Name: "name", ExportAs: `The "Name"`}, {Name: "email_verified"}, {Name: "created_at"}, {Name: "user_metadata.tags"},
				{Name: "user_metadata.zip"}, {Name: "app_metadata.deep.er"},
			}}, `"email","The ""Name""","email_verified","created_at","user_metadata.tags","user_metadata.zip","app_metadata.deep.er"` + "\n" +
				`"'b@example.com","'B ""b"", b",true,2026-03-01T12:00:01.000Z,,,true` + "\n" +
				`"'a@example.com","'=cmd|' /C calc'!A0",false,2026-03-01T12:00:00.000Z,"'[""p"",""q""]",7,` + "\n" +
				`"'c@example.com","'c@example.com",false,2026-03-01T12:00:02.000Z,,,` + "\n"},
		} {
			equal(t, c.about, b.export(jobs, c.in), c.want)
		}
	})
}

func TestExport_ShowsNoSecrets(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLite(t))
	jobs := b.node(nil)
	b.ended(jobs, b.imports(jobs, job.Import{}, `[{"email":"a@example.com","password_hash":"$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"}]`))
	got := b.export(jobs, job.Export{Fields: []job.Field{{Name: "email"}, {Name: "password"}, {Name: "Password"}, {Name: "identities"}, {Name: "claims"}}})
	if strings.Contains(got, "$2b$") || strings.Contains(got, "assword") {
		t.Errorf("got %s, want no password", got)
	}
}

func TestExport_GoesOnWhereItStoppedWithoutRepeatingAnybody(t *testing.T) {
	databases(t, func(t *testing.T, b *bench) {
		lost := apierr.New(apierr.Unavailable, "database_unavailable", "lost")
		jobs := b.node(nil)
		b.ended(jobs, b.imports(jobs, job.Import{}, file(1700)))
		must(t, jobs.Close(t.Context()))
		jobs = b.node(func(c *job.Config) {
			s := &commits{DB: b.db}
			s.on = func(n int64, commit func() error) error {
				switch n % 3 {
				case 0:
					return lost
				case 1:
					return errors.Join(commit(), lost)
				}
				return commit()
			}
			c.Store = s
		})
		got := b.export(jobs, job.Export{ConnectionID: b.id("users"), Fields: []job.Field{{Name: "user_metadata.n", ExportAs: "n"}}})
		var numbers []int
		for line := range strings.Lines(got) {
			var row struct{ N int }
			must(t, json.Unmarshal([]byte(line), &row))
			numbers = append(numbers, row.N)
		}
		slices.Sort(numbers)
		equal(t, "users", len(numbers), 1700)
		equal(t, "different users", len(slices.Compact(numbers)), 1700)
	})
}

func TestPrepareExport_RefusesWhatACSVFileCannotHave(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLite(t))
	jobs := b.node(nil)
	for _, c := range []struct {
		in   job.Export
		want error
	}{
		{job.Export{ConnectionID: "con_nowhere"}, connection.ErrNotFound},
		{job.Export{Format: job.CSV, Fields: make([]job.Field, 31)}, job.ErrTooManyFields},
		{job.Export{Format: job.CSV, Fields: []job.Field{{Name: "app_metadata"}}}, job.ErrWholeMetadata},
		{job.Export{Format: job.JSON, Fields: make([]job.Field, 31)}, nil},
	} {
		if _, err := written(t.Context())(jobs.PrepareExport(t.Context(), b.tenant, c.in)); !errors.Is(err, c.want) {
			t.Errorf("%+v: got %v, want %v", c.in, err, c.want)
		}
	}
}

func TestOpen_NeedsTheKeyOfTheJob(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLite(t))
	jobs := b.node(nil)
	made := func() *job.Job {
		j, err := written(t.Context())(jobs.PrepareExport(t.Context(), b.tenant, job.Export{}))
		must(t, err)
		return b.ended(jobs, j)
	}
	one, other := made(), made()
	key := jobs.DownloadKey(one)
	for _, c := range []struct{ about, tenant, job, key string }{
		{"no key", b.tenant, one.ID, ""}, {"another job's", b.tenant, other.ID, key}, {"another tenant's", "other", one.ID, key},
		{"a cut one", b.tenant, one.ID, key[:10]}, {"no base64", b.tenant, one.ID, "!"},
	} {
		if _, _, err := jobs.Open(t.Context(), c.tenant, c.job, c.key); !errors.Is(err, job.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", c.about, err)
		}
	}
	if _, _, err := jobs.Open(t.Context(), b.tenant, one.ID, key); err != nil {
		t.Errorf("its own: got error %v", err)
	}
	imported := b.ended(jobs, b.imports(jobs, job.Import{}, file(1)))
	equal(t, "key of an import", jobs.DownloadKey(imported), "")
	b.clock.Advance(24 * time.Hour)
	if _, _, err := jobs.Open(t.Context(), b.tenant, one.ID, key); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("after a day: got %v, want ErrNotFound", err)
	}
}

// mails stands for what makes verification mails.
type mails struct {
	refuse, lost error
	queued       int
	sent         int
}

func (m *mails) PrepareVerification(context.Context, ticket.Asked) (*ticket.Verification, error) {
	return &ticket.Verification{}, m.refuse
}

func (m *mails) Queue(context.Context, *ticket.Verification) error {
	m.queued++
	return m.lost
}

func (m *mails) Committed(*ticket.Verification) { m.sent++ }

func TestPrepareVerification_IsOneCommitWithItsMail(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLite(t))
	asked := ticket.Asked{Site: tenant.Site{Tenant: &tenant.Tenant{ID: b.tenant}}}
	noEmail := apierr.New(apierr.Invalid, "no_email", "none")
	for _, c := range []struct {
		about        string
		refuse, lost error
		queued, sent int
	}{
		{"a user without address", noEmail, nil, 0, 0}, {"a mail that cannot be written", nil, noEmail, 1, 0}, {"a mail", nil, nil, 1, 1},
	} {
		m := &mails{refuse: c.refuse, lost: c.lost}
		jobs := b.node(func(c *job.Config) { c.Tickets = m })
		j, err := written(t.Context())(jobs.PrepareVerification(t.Context(), asked))
		if refused := c.refuse != nil || c.lost != nil; errors.Is(err, noEmail) != refused {
			t.Errorf("%s: got error %v", c.about, err)
		}
		equal(t, c.about, []int{m.queued, m.sent}, []int{c.queued, c.sent})
		if c.sent == 0 {
			continue
		}
		must(t, err)
		got, err := jobs.Job(t.Context(), b.tenant, j.ID)
		must(t, err)
		equal(t, "job", []any{got.Type, got.Status}, []any{job.VerificationEmail, job.Completed})
	}
}

func FuzzImportFile(f *testing.F) {
	f.Add([]byte(file(2)))
	f.Add([]byte(`[{"email":"a@b.c","custom_password_hash":{"algorithm":"md5","hash":{"value":"00"}}},null,[[]]]`))
	f.Fuzz(func(t *testing.T, content []byte) {
		for d := json.NewDecoder(bytes.NewReader(content)); ; {
			var raw json.RawMessage
			if d.Decode(&raw) != nil {
				return
			}
			job.ReadRecord(raw)
		}
	})
}
