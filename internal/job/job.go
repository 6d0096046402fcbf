package job

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/seal"
)

// Type says what a job does.
type Type string

// The types of jobs, by the names the Management API has for them.
const (
	UsersImport       Type = "users_import"
	UsersExport       Type = "users_export"
	VerificationEmail Type = "verification_email"
)

// Status is where a job stands.
type Status string

// The statuses of jobs. Strangers see the last four; while its file is being taken a job does not exist for them.
const (
	Uploading  Status = "uploading"
	Pending    Status = "pending"
	Processing Status = "processing"
	Completed  Status = "completed"
	Failed     Status = "failed"
)

// Ended reports whether the job has nothing left to do.
func (s Status) Ended() bool { return s == Completed || s == Failed }

// Stream names one of the files of a job.
type Stream string

// The files of jobs.
const (
	Input  Stream = "input"  // the users file of an import
	Output Stream = "output" // what an export gives: gzip members, one a chunk
	Errors Stream = "errors" // what an import refused: a JSON array of UserErrors a chunk
)

// What callers branch on.
var (
	// ErrNotFound is the answer for a job that does not exist, or no longer.
	ErrNotFound = apierr.New(apierr.NotFound, "inexistent_job", "The job does not exist")
	// ErrSlot is the answer to inserting a job whose slot another one has that is not ended.
	ErrSlot = apierr.New(apierr.Conflict, "job_slot_taken", "Another job has the slot.")
	// ErrLost is the answer to saving a job that another node has taken over, or that has ended.
	ErrLost = apierr.New(apierr.Conflict, "job_lost", "The job was taken over by another node.")
)

// Job is one job with its progress. What storage looks for is in columns; the rest is its document.
type Job struct {
	TenantID  string    `json:"-"`
	ID        string    `json:"-"` // "job_" and 16 characters
	Type      Type      `json:"-"`
	Status    Status    `json:"-"`
	CreatedAt time.Time `json:"-"`
	// Slot is taken by one job of the tenant at a time, from its beginning to its end. Empty for none.
	Slot string `json:"-"`

	ConnectionID string `json:"connection_id,omitempty"`
	Connection   string `json:"connection,omitempty"` // its name
	ExternalID   string `json:"external_id,omitempty"`

	// Of imports.
	Upsert              bool  `json:"upsert,omitempty"`
	SendCompletionEmail bool  `json:"send_completion_email,omitempty"`
	Size                int64 `json:"size,omitempty"` // of the file, in bytes

	// Of exports.
	Format Format  `json:"format,omitempty"`
	Limit  int     `json:"limit,omitempty"` // 0 for all
	Fields []Field `json:"fields,omitempty"`

	Summary   Summary   `json:"summary"`
	Details   string    `json:"status_details,omitempty"` // why it failed
	StartedAt time.Time `json:"started_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`

	Progress Progress `json:"progress"`
}

// Progress is how far a job has come: what the next node needs to go on.
type Progress struct {
	Total  int    `json:"total,omitempty"`  // users that the job will see, once they are counted
	Done   int    `json:"done,omitempty"`   // users that it has seen
	Chunks int    `json:"chunks,omitempty"` // of Output or Errors
	Cursor string `json:"cursor,omitempty"` // the last user of the last page of an export
	Source string `json:"source,omitempty"` // the id of the connection that the page was of, with a space when it is done
}

// Summary counts what an import did.
type Summary struct {
	Failed   int `json:"failed"`
	Updated  int `json:"updated"`
	Inserted int `json:"inserted"`
	Total    int `json:"total"`
}

// PercentageDone is how much of the job's users it has seen, from 0 to 100.
func (j *Job) PercentageDone() int {
	switch {
	case j.Status == Completed:
		return 100
	case j.Progress.Total == 0:
		return 0
	}
	return min(99, 100*j.Progress.Done/j.Progress.Total)
}

// TimeLeft estimates from the pace so far when the job will end. It tells nothing before there is a pace, and 0 when the
// job has ended.
func (j *Job) TimeLeft(now time.Time) (left time.Duration, known bool) {
	if j.Status.Ended() {
		return 0, true
	}
	if j.Progress.Done == 0 || j.StartedAt.IsZero() {
		return 0, false
	}
	passed := now.Sub(j.StartedAt)
	return passed * time.Duration(max(0, j.Progress.Total-j.Progress.Done)) / time.Duration(j.Progress.Done), true
}

// Key names a job.
type Key struct{ TenantID, ID string }

func (j *Job) key() Key { return Key{j.TenantID, j.ID} }

// Chunk is a part of a job's file. Storage has it sealed: files of users hold what no table shows, hashes of their passwords
// among it.
type Chunk struct {
	Stream  Stream
	Number  int // from 0
	Content []byte
}

// Seal gives the chunk as storage has it, good at no other place.
func (c Chunk) Seal(keys *seal.Keyset, k Key) (Chunk, error) {
	sealed, err := keys.Seal(c.Content, c.place(k)...)
	if err != nil {
		return Chunk{}, fmt.Errorf("seal a job's file: %w", err)
	}
	c.Content = sealed
	return c, nil
}

// open is the inverse of Seal.
func (c Chunk) open(keys *seal.Keyset, k Key) ([]byte, error) {
	content, err := keys.Open(c.Content, c.place(k)...)
	if err != nil {
		return nil, fmt.Errorf("open a job's file: %w", err)
	}
	return content, nil
}

// place names where the chunk belongs.
func (c Chunk) place(k Key) []string {
	return []string{k.TenantID, "job", k.ID, string(c.Stream), strconv.Itoa(c.Number)}
}

// ChunkSize is how a file that comes from outside is cut.
const ChunkSize = 256 << 10

// Store keeps jobs and their files. Every method but the last three names one tenant's job; a worker serves all tenants.
type Store interface {
	// InsertJob writes a new job, which nobody may claim before due. ErrSlot when its slot is taken, even by a transaction
	// that commits at the same time. In a transaction it is a queued write: ErrSlot comes with the next question or with
	// the commit.
	InsertJob(ctx context.Context, j *Job, due time.Time) error
	// Job gives a job, or ErrNotFound.
	Job(ctx context.Context, tenantID, jobID string) (*Job, error)
	// SaveJob writes status, slot and document of a job that holder has, whose claim then lasts until due; an empty
	// holder has those that nobody has claimed. A queued write: where the job is another's, has ended or was deleted,
	// ErrLost comes with the next question or with the commit, and nothing of the transaction is written.
	SaveJob(ctx context.Context, j *Job, holder string, due time.Time) error
	// ReleaseJob ends holder's claim at now. That there is none is no error.
	ReleaseJob(ctx context.Context, tenantID, jobID, holder string, now time.Time) error
	// AddChunk writes a part of one of the job's files. Inside a transaction it is a queued write.
	AddChunk(ctx context.Context, tenantID, jobID string, c Chunk) error
	// Chunk gives a part of a file, or nil.
	Chunk(ctx context.Context, tenantID, jobID string, stream Stream, number int) ([]byte, error)
	// DeleteChunks removes one of the job's files. Inside a transaction it is a queued write.
	DeleteChunks(ctx context.Context, tenantID, jobID string, stream Stream) error
	// DeleteJob removes a job and its files. That there is none is no error.
	DeleteJob(ctx context.Context, tenantID, jobID string) error

	// ClaimJob gives holder, until a time, the job that has been due longest, of those of all tenants that have not
	// ended; nil when none is. Two holders never have the same one.
	ClaimJob(ctx context.Context, holder string, now, until time.Time) (*Job, error)
	// JobsBefore lists the jobs that were created before a moment, at most limit of them.
	JobsBefore(ctx context.Context, before time.Time, limit int) ([]Key, error)

	InTx(ctx context.Context, fn func(ctx context.Context) error) error
}
