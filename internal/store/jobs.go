package store

import (
	"context"
	"fmt"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/job"
	"latchkey/internal/store/engine"
)

var _ job.Store = (*DB)(nil)

const (
	jobColumns = `tenant_id, job_id, type, status, slot, document, created_at`
	insertJob  = `INSERT INTO jobs (tenant_id, job_id, type, status, slot, document, holder, due_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, '', $7, $8)`
	selectJob = `SELECT ` + jobColumns + ` FROM jobs WHERE tenant_id = $1 AND job_id = $2`
	// The holder goes with the claim: a job that has ended belongs to nobody.
	saveJob = `UPDATE jobs SET status = $4, slot = $5, document = $6, due_at = $7,
		holder = CASE WHEN $4 = 'processing' THEN holder ELSE '' END
		WHERE tenant_id = $1 AND job_id = $2 AND holder = $3 AND status IN ('uploading', 'pending', 'processing')`
	releaseJob = `UPDATE jobs SET status = 'pending', holder = '', due_at = $4
		WHERE tenant_id = $1 AND job_id = $2 AND holder = $3 AND status = 'processing'`
	insertChunk     = `INSERT INTO job_chunks (tenant_id, job_id, stream, number, content) VALUES ($1, $2, $3, $4, $5)`
	selectChunk     = `SELECT content FROM job_chunks WHERE tenant_id = $1 AND job_id = $2 AND stream = $3 AND number = $4`
	deleteJob       = `DELETE FROM jobs WHERE tenant_id = $1 AND job_id = $2`
	deleteChunks    = `DELETE FROM job_chunks WHERE tenant_id = $1 AND job_id = $2 AND stream = $3`
	deleteJobChunks = `DELETE FROM job_chunks WHERE tenant_id = $1 AND job_id = $2`
	jobIsDue        = `SELECT 1 FROM jobs WHERE status IN ('uploading', 'pending', 'processing') AND due_at <= $1 LIMIT 1`
	// $1 holder, $2 now, $3 until. A job that was never taken whole stays what it is, so that its holder can tell.
	claimJob = `WITH due AS (SELECT tenant_id, job_id FROM jobs
			WHERE status IN ('uploading', 'pending', 'processing') AND due_at <= $2 ORDER BY due_at LIMIT 1 `
	claimJobEnd = `) UPDATE jobs SET holder = $1, due_at = $3,
			status = CASE WHEN status = 'uploading' THEN status ELSE 'processing' END
		WHERE due_at <= $2 AND status IN ('uploading', 'pending', 'processing')
			AND (tenant_id, job_id) IN (SELECT tenant_id, job_id FROM due) RETURNING ` + jobColumns
	selectOldJobs = `SELECT tenant_id, job_id FROM jobs WHERE created_at < $1 ORDER BY created_at LIMIT $2`
)

// InsertJob implements job.Store.
func (db *DB) InsertJob(ctx context.Context, j *job.Job, due time.Time) error {
	document, err := encode(j)
	if err != nil {
		return err
	}
	return db.queueAll(ctx, &engine.Statement{
		SQL: insertJob,
		Args: []any{j.TenantID, j.ID, string(j.Type), string(j.Status), j.Slot, document, clock.Millis(due),
			clock.Millis(j.CreatedAt)},
		Taken: job.ErrSlot,
	})
}

// Job implements job.Store.
func (db *DB) Job(ctx context.Context, tenantID, jobID string) (*job.Job, error) {
	j, err := db.oneJob(ctx, db.read, selectJob, tenantID, jobID)
	if err != nil {
		return nil, fmt.Errorf("read a job: %w", err)
	}
	if j == nil {
		return nil, job.ErrNotFound
	}
	return j, nil
}

// oneJob runs a statement that answers with jobColumns of one job, or with nothing.
func (db *DB) oneJob(ctx context.Context, run func(context.Context, ...*engine.Statement) error, sql string, args ...any) (*job.Job, error) {
	var found *job.Job
	err := run(ctx, &engine.Statement{SQL: sql, Args: args, Row: func(r engine.Row) error {
		j := &job.Job{}
		var typ, status, document string
		var created int64
		if err := r.Scan(&j.TenantID, &j.ID, &typ, &status, &j.Slot, &document, &created); err != nil {
			return err
		}
		j.Type, j.Status, j.CreatedAt = job.Type(typ), job.Status(status), clock.FromMillis(created)
		found = j
		return decode(document, j)
	}})
	return found, err
}

// SaveJob implements job.Store.
func (db *DB) SaveJob(ctx context.Context, j *job.Job, holder string, due time.Time) error {
	document, err := encode(j)
	if err != nil {
		return err
	}
	return db.queueOne(ctx, job.ErrLost, saveJob,
		j.TenantID, j.ID, holder, string(j.Status), j.Slot, document, clock.Millis(due))
}

// ReleaseJob implements job.Store.
func (db *DB) ReleaseJob(ctx context.Context, tenantID, jobID, holder string, now time.Time) error {
	return db.queue(ctx, releaseJob, tenantID, jobID, holder, clock.Millis(now))
}

// AddChunk implements job.Store.
func (db *DB) AddChunk(ctx context.Context, tenantID, jobID string, c job.Chunk) error {
	return db.queue(ctx, insertChunk, tenantID, jobID, string(c.Stream), c.Number, c.Content)
}

// Chunk implements job.Store.
func (db *DB) Chunk(ctx context.Context, tenantID, jobID string, stream job.Stream, number int) (content []byte, err error) {
	if _, err := db.readRow(ctx, selectChunk, []any{tenantID, jobID, string(stream), number}, &content); err != nil {
		return nil, fmt.Errorf("read a job's file: %w", err)
	}
	return content, nil
}

// DeleteChunks implements job.Store.
func (db *DB) DeleteChunks(ctx context.Context, tenantID, jobID string, stream job.Stream) error {
	return db.queue(ctx, deleteChunks, tenantID, jobID, string(stream))
}

// DeleteJob implements job.Store.
func (db *DB) DeleteJob(ctx context.Context, tenantID, jobID string) error {
	args := []any{tenantID, jobID}
	return db.queueAll(ctx, &engine.Statement{SQL: deleteJobChunks, Args: args}, &engine.Statement{SQL: deleteJob, Args: args})
}

// ClaimJob implements job.Store.
func (db *DB) ClaimJob(ctx context.Context, holder string, now, until time.Time) (*job.Job, error) {
	var one int
	due, err := db.readRow(ctx, jobIsDue, []any{clock.Millis(now)}, &one)
	if err != nil || !due {
		return nil, err // looking writes nothing, so an idle node does not disturb the others
	}
	j, err := db.oneJob(ctx, db.write, claimJob+db.engine.SkipLocked()+claimJobEnd, holder, clock.Millis(now), clock.Millis(until))
	if err != nil {
		return nil, fmt.Errorf("claim a job: %w", err)
	}
	return j, nil
}

// JobsBefore implements job.Store.
func (db *DB) JobsBefore(ctx context.Context, before time.Time, limit int) ([]job.Key, error) {
	var keys []job.Key
	err := db.read(ctx, &engine.Statement{SQL: selectOldJobs, Args: []any{clock.Millis(before), limit}, Row: func(r engine.Row) error {
		var k job.Key
		err := r.Scan(&k.TenantID, &k.ID)
		keys = append(keys, k)
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("list old jobs: %w", err)
	}
	return keys, nil
}
