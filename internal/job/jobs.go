package job

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"latchkey/internal/account"
	"latchkey/internal/apierr"
	"latchkey/internal/clock"
	"latchkey/internal/connection"
	"latchkey/internal/eventlog"
	"latchkey/internal/ident"
	"latchkey/internal/seal"
	"latchkey/internal/ticket"
	"latchkey/internal/user"
)

// DefaultMaxImport is how many bytes a users file may have unless the server is told otherwise (Auth0: 500 KB).
const DefaultMaxImport = 512000

const (
	// maxImports is how many imports of a tenant may be under way at once.
	maxImports = 2
	// uploadTime is how long a file may take to come in.
	uploadTime = 10 * time.Minute
)

// The refusals of imports and exports.
var (
	ErrEmptyFile     = apierr.New(apierr.Invalid, "invalid_body", "Users file must not be empty.")
	ErrNotDatabase   = apierr.New(apierr.Invalid, "invalid_body", "Connection must be a database connection.")
	ErrDisabled      = apierr.New(apierr.Invalid, "invalid_body", "Connection must be enabled.")
	ErrNoImportMode  = apierr.New(apierr.Invalid, "invalid_body", "Custom Database Connections without import mode are not allowed.")
	ErrTooManyFields = apierr.Newf(apierr.Invalid, "invalid_body", "Exports in CSV format are limited to %d fields.", maxCSVFields)
	ErrWholeMetadata = apierr.New(apierr.Invalid, "invalid_body", "Exports in CSV format need the members of user_metadata and app_metadata to be named.")
	ErrTooManyJobs   = apierr.Newf(apierr.TooMany, "too_many_requests",
		"There are %d active import users jobs, please wait until some of them are finished and try again", maxImports)
)

// ErrTooLarge is the kind of refusal of a file above the server's limit, which its message names.
var ErrTooLarge = apierr.New(apierr.Invalid, "payload_too_large", "Payload content length greater than maximum allowed")

// Accounts decides on new users.
type Accounts interface {
	Create(ctx context.Context, tenantID string, in account.Create) (*account.Change, error)
}

// Users reads users, and replaces those that an import updates.
type Users interface {
	Find(ctx context.Context, tenantID, connection, identifier string) (u *user.User, deletions int, err error)
	UpdateUser(ctx context.Context, tenantID string, u *user.User) error
	// UsersOfConnection gives the next users, in the order of creation, that have an identity at the connection (by name).
	UsersOfConnection(ctx context.Context, tenantID, connection string, after user.Position, limit int) ([]*user.User, error)
}

// Connections gives a tenant's connections.
type Connections interface {
	Connections(ctx context.Context, tenantID string) ([]*connection.Connection, error)
}

// Tickets makes verification mails.
type Tickets interface {
	PrepareVerification(ctx context.Context, a ticket.Asked) (*ticket.Verification, error)
	Queue(ctx context.Context, v *ticket.Verification) error
	Committed(v *ticket.Verification)
}

// Events is the tenants' log. Inside a transaction a write is queued.
type Events interface {
	Write(ctx context.Context, tenantID string, events ...eventlog.Event) error
}

// Config is what New needs. Tickets may be nil where no verification mails are asked for.
type Config struct {
	Store       Store
	Accounts    Accounts
	Users       Users
	Connections Connections
	Tickets     Tickets
	Events      Events
	Keys        *seal.Keyset
	Clock       clock.Clock
	Log         *slog.Logger
	// MaxImport bounds the file of an import, in bytes; DefaultMaxImport unless set.
	MaxImport int64
	// Poll is the pace at which jobs are looked for that other nodes left behind; five seconds unless set.
	Poll time.Duration
	// Lease is how long a claim outlives its node; twenty seconds unless set.
	Lease time.Duration
	// Idle leaves jobs to other processes of the same database: they are taken and not run.
	Idle bool
}

// Jobs takes jobs and owns the worker that runs them. It is safe for concurrent use.
type Jobs struct {
	c      Config
	worker *worker
}

// New makes Jobs and, unless they are idle, starts their worker, which begins with what an earlier process left behind. Close
// ends it.
func New(c Config) (*Jobs, error) {
	switch {
	case c.Store == nil, c.Accounts == nil, c.Users == nil, c.Connections == nil, c.Events == nil, c.Keys == nil,
		c.Clock == nil, c.Log == nil:
		return nil, errors.New("job: store, accounts, users, connections, events, keys, clock and log are required")
	}
	if c.MaxImport <= 0 {
		c.MaxImport = DefaultMaxImport
	}
	if c.Poll <= 0 {
		c.Poll = defaultPoll
	}
	if c.Lease <= 0 {
		c.Lease = defaultLease
	}
	w := newWorker(&c)
	if c.Idle {
		close(w.done)
	} else {
		go w.run()
	}
	return &Jobs{c: c, worker: w}, nil
}

// Close stops claiming jobs and waits until those under way have stopped, which they do after their present commit and
// give up their claims, so that another node goes on at once. When ctx ends first, commits under way are cut off; those
// jobs are found when their claims run out.
func (s *Jobs) Close(ctx context.Context) error { return s.worker.close(ctx) }

// Import asks for an import.
type Import struct {
	ConnectionID        string
	Upsert              bool
	ExternalID          string
	SendCompletionEmail bool
}

// Ready is a job that only has to be written to begin. Its Commit joins the caller's transaction, with whatever else the
// caller writes there; Committed says afterwards that the transaction was committed, and Drop that it never will be.
type Ready struct {
	// Job is the job as it will be.
	Job *Job

	commit    func(ctx context.Context) error
	committed func()
	drop      func(ctx context.Context) error
}

// Commit writes the job, in the caller's transaction or in one of its own. The former may run more than once.
func (r *Ready) Commit(ctx context.Context) error { return r.commit(ctx) }

// Committed lets the job begin at once. It never blocks.
func (r *Ready) Committed() { r.committed() }

// Drop takes away what was written for the job before.
func (r *Ready) Drop(ctx context.Context) error {
	if r.drop == nil {
		return nil
	}
	return r.drop(ctx)
}

// Upload is the file of an import that nobody has asked for yet: the parts of a form come in any order.
type Upload struct {
	jobs *Jobs
	job  *Job
}

// Upload takes the file of an import. What it has written goes with Drop, or when nothing follows in time. It is
// ErrTooManyJobs while two imports of the tenant are under way; ErrTooLarge and ErrEmptyFile are about the file.
func (s *Jobs) Upload(ctx context.Context, tenantID string, file io.Reader) (*Upload, error) {
	u := &Upload{s, s.newJob(tenantID, UsersImport)}
	u.job.Status = Uploading
	if err := s.takeSlot(ctx, u.job); err != nil {
		return nil, err
	}
	if err := s.takeFile(ctx, u.job, file); err != nil {
		return nil, errors.Join(err, u.Drop(ctx))
	}
	return u, nil
}

// Drop forgets the file, also when the client has gone: nobody will ask for its job, and it has a slot.
func (u *Upload) Drop(ctx context.Context) error {
	return u.jobs.c.Store.DeleteJob(context.WithoutCancel(ctx), u.job.TenantID, u.job.ID)
}

// PrepareImport makes an import of a file, which runs by itself once it is committed. When it refuses, the file is gone:
// connection.ErrNotFound, ErrNotDatabase, ErrDisabled and ErrNoImportMode are about the connection.
func (s *Jobs) PrepareImport(ctx context.Context, tenantID string, in Import, u *Upload) (*Ready, error) {
	c, err := s.importable(ctx, tenantID, in.ConnectionID)
	if err != nil {
		return nil, errors.Join(err, u.Drop(ctx))
	}
	j := *u.job
	j.Status = Pending
	j.ConnectionID, j.Connection, j.ExternalID = c.ID, c.Name, in.ExternalID
	j.Upsert, j.SendCompletionEmail = in.Upsert, in.SendCompletionEmail
	return &Ready{
		Job: &j, committed: s.worker.nudge, drop: u.Drop,
		commit: func(ctx context.Context) error { return s.c.Store.SaveJob(ctx, &j, "", s.c.Clock.Now()) },
	}, nil
}

// importable gives the connection that users are imported into.
func (s *Jobs) importable(ctx context.Context, tenantID, connectionID string) (*connection.Connection, error) {
	c, err := s.connection(ctx, tenantID, connectionID)
	switch {
	case err != nil:
		return nil, err
	case c.Strategy != connection.Database:
		return nil, ErrNotDatabase
	case len(c.EnabledClients) == 0:
		return nil, ErrDisabled
	case c.Options.DatabaseCustomization && !c.Options.ImportMode:
		return nil, ErrNoImportMode
	}
	return c, nil
}

func (s *Jobs) newJob(tenantID string, typ Type) *Job {
	return &Job{TenantID: tenantID, ID: ident.JobID(), Type: typ, Status: Pending, CreatedAt: s.c.Clock.Now()}
}

// takeSlot writes an import in one of the tenant's slots. Nobody claims it while its file comes in.
func (s *Jobs) takeSlot(ctx context.Context, j *Job) error {
	for n := range maxImports {
		j.Slot = fmt.Sprintf("%s/%d", j.Type, n)
		err := s.c.Store.InsertJob(ctx, j, j.CreatedAt.Add(uploadTime))
		if !errors.Is(err, ErrSlot) {
			return err
		}
	}
	return ErrTooManyJobs
}

// takeFile writes a file in chunks, each in a commit of its own since the network decides how fast they come.
func (s *Jobs) takeFile(ctx context.Context, j *Job, file io.Reader) error {
	for number := 0; ; number++ {
		content := make([]byte, ChunkSize)
		n, err := io.ReadFull(file, content)
		j.Size += int64(n)
		switch {
		case j.Size > s.c.MaxImport:
			return apierr.Newf(ErrTooLarge.Kind, ErrTooLarge.Code, "%s: %d", ErrTooLarge.Message, s.c.MaxImport)
		case err != nil && err != io.EOF && err != io.ErrUnexpectedEOF:
			return fmt.Errorf("read the users file: %w", err)
		}
		if n > 0 {
			chunk, err := Chunk{Stream: Input, Number: number, Content: content[:n]}.Seal(s.c.Keys, j.key())
			if err != nil {
				return err
			}
			if err := s.c.Store.AddChunk(ctx, j.TenantID, j.ID, chunk); err != nil {
				return err
			}
		}
		if err != nil {
			break
		}
	}
	if j.Size == 0 {
		return ErrEmptyFile
	}
	return nil
}

// Export asks for an export.
type Export struct {
	ConnectionID string // empty for the users of all connections
	Format       Format // JSON unless set
	Limit        int    // 0 for all
	Fields       []Field
}

// PrepareExport makes the job of an export, which runs by itself once it is committed.
func (s *Jobs) PrepareExport(ctx context.Context, tenantID string, in Export) (*Ready, error) {
	j := s.newJob(tenantID, UsersExport)
	j.Format, j.Limit, j.Fields = in.Format, in.Limit, in.Fields
	if j.Format == "" {
		j.Format = JSON
	}
	if in.ConnectionID != "" {
		c, err := s.connection(ctx, tenantID, in.ConnectionID)
		if err != nil {
			return nil, err
		}
		j.ConnectionID, j.Connection = c.ID, c.Name
	}
	if err := checkFields(j.Format, j.Fields); err != nil {
		return nil, err
	}
	return &Ready{
		Job: j, committed: s.worker.nudge,
		commit: func(ctx context.Context) error { return s.c.Store.InsertJob(ctx, j, j.CreatedAt) },
	}, nil
}

// PrepareVerification makes the mail that asks a person to verify an address, and its job: ticket, mail and job are one
// commit. What then follows is the outbox's, so the job has ended when it is made.
func (s *Jobs) PrepareVerification(ctx context.Context, a ticket.Asked) (*Ready, error) {
	v, err := s.c.Tickets.PrepareVerification(ctx, a)
	if err != nil {
		return nil, err
	}
	j := s.newJob(a.Site.Tenant.ID, VerificationEmail)
	j.Status, j.StartedAt, j.EndedAt = Completed, j.CreatedAt, j.CreatedAt
	return &Ready{
		Job: j, committed: func() { s.c.Tickets.Committed(v) },
		commit: func(ctx context.Context) error {
			return s.c.Store.InTx(ctx, func(ctx context.Context) error {
				if err := s.c.Tickets.Queue(ctx, v); err != nil {
					return err
				}
				return s.c.Store.InsertJob(ctx, j, j.CreatedAt)
			})
		},
	}, nil
}

// Job gives a job, or ErrNotFound.
func (s *Jobs) Job(ctx context.Context, tenantID, jobID string) (*Job, error) {
	j, err := s.c.Store.Job(ctx, tenantID, jobID)
	if err != nil {
		return nil, err
	}
	if j.Status == Uploading || !s.alive(j) {
		return nil, ErrNotFound
	}
	return j, nil
}

// alive reports whether a job may still be shown; it is deleted some time after that.
func (s *Jobs) alive(j *Job) bool { return s.c.Clock.Now().Before(j.CreatedAt.Add(keep)) }

// Refused lists the users that an import has refused so far, in the order of the file.
func (s *Jobs) Refused(ctx context.Context, tenantID, jobID string) ([]UserError, error) {
	j, err := s.Job(ctx, tenantID, jobID)
	if err != nil || j.Type != UsersImport {
		return nil, err
	}
	var all []UserError
	for number := range j.Progress.Chunks {
		content, err := s.c.chunk(ctx, j.key(), Errors, number)
		if err != nil {
			return nil, err
		}
		var some []UserError
		if err := json.Unmarshal(content, &some); err != nil {
			return nil, fmt.Errorf("read the errors of an import: %w", err)
		}
		all = append(all, some...)
	}
	return all, nil
}

// DownloadKey is what the address of an export's file carries. It is good for as long as the job lives. Empty where there
// is no file.
func (s *Jobs) DownloadKey(j *Job) string {
	if j.Type != UsersExport || j.Status != Completed {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(s.c.Keys.Hash(downloadPurpose, j.TenantID+" "+j.ID))
}

const downloadPurpose = "job download"

// Open gives the file of an export, in gzip form, to whoever has its key; to anybody else there is no such job. Reads take
// place while the file is read, under ctx.
func (s *Jobs) Open(ctx context.Context, tenantID, jobID, key string) (*Job, io.Reader, error) {
	given, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil || !s.c.Keys.Matches(given, downloadPurpose, tenantID+" "+jobID) {
		return nil, nil, ErrNotFound
	}
	j, err := s.Job(ctx, tenantID, jobID)
	if err != nil {
		return nil, nil, err
	}
	if j.Type != UsersExport || j.Status != Completed {
		return nil, nil, ErrNotFound
	}
	return j, s.c.file(ctx, j, Output), nil
}

func (s *Jobs) connection(ctx context.Context, tenantID, id string) (*connection.Connection, error) {
	return s.c.connection(ctx, tenantID, id)
}

// connection gives a connection by id, or connection.ErrNotFound.
func (c *Config) connection(ctx context.Context, tenantID, id string) (*connection.Connection, error) {
	all, err := c.Connections.Connections(ctx, tenantID)
	if err != nil {
		return nil, fmt.Errorf("read connections: %w", err)
	}
	for _, found := range all {
		if found.ID == id {
			return found, nil
		}
	}
	return nil, connection.ErrNotFound
}

// file reads a job's file from its chunks.
func (c *Config) file(ctx context.Context, j *Job, stream Stream) *fileReader {
	return &fileReader{ctx: ctx, c: c, key: j.key(), stream: stream}
}

// chunk gives a part of a job's file, or nil behind its end.
func (c *Config) chunk(ctx context.Context, k Key, stream Stream, number int) ([]byte, error) {
	content, err := c.Store.Chunk(ctx, k.TenantID, k.ID, stream, number)
	if err != nil || content == nil {
		return nil, err
	}
	return Chunk{stream, number, content}.open(c.Keys, k)
}

type fileReader struct {
	ctx    context.Context //nolint:containedctx // a reader has no other way to be cut off
	c      *Config
	key    Key
	stream Stream
	next   int
	rest   []byte
	failed error // of storage: what was read until then says nothing about the file
}

// Read implements io.Reader.
func (f *fileReader) Read(p []byte) (int, error) {
	if len(f.rest) == 0 {
		content, err := f.c.chunk(f.ctx, f.key, f.stream, f.next)
		if err != nil {
			f.failed = err
			return 0, err
		}
		if content == nil {
			return 0, io.EOF
		}
		f.rest, f.next = content, f.next+1
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// compress gives a gzip member.
func compress(content []byte) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(content); err != nil {
		return nil, fmt.Errorf("compress an export: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("compress an export: %w", err)
	}
	return b.Bytes(), nil
}
