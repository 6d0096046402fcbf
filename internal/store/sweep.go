package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/store/engine"
)

// Expired rows are found by walking through the tables in the order of their keys, a bite at a time, and not by an index
// on the time of expiry: such an index would cost every login and save only this walk. The walk reads beside the writer
// and writes only where it found something.

const (
	biteRows    = 500
	usualBites  = 10  // per table and sweep
	mostBites   = 200 // while most of what is found is dead
	mostOldLogs = 5000
)

// How long rows are kept after they expired, where something still asks for them.
const (
	hour  = time.Hour
	day   = 24 * time.Hour
	month = 30 * day
)

// mortal is a table whose rows expire.
type mortal struct {
	table string
	keys  []string // of the primary key
	blobs int      // how many of them, from the end, are bytes and not text
	dead  string   // condition on a row; $1 is now, less grace
	grace time.Duration
}

var mortals = []mortal{
	// An expired code is answered with "expired" for a while.
	{"challenges", []string{"tenant_id", "connection", "identifier"}, 0, "expires_at < $1", hour},
	// Locks are remembered; a few wrong guesses, perhaps of an identifier that is nobody's, for a day.
	{"guesses", []string{"tenant_id", "connection", "subject"}, 0,
		"locked_until < $1 AND (changed_at < $1 OR (locks = 0 AND changed_at < $1 + 2505600000))", month}, // 29 days
	{"buckets", []string{"tenant_id", "bucket"}, 0, "empty_at < $1", 0},
	{"assertions", []string{"tenant_id", "client_id", "jti_digest"}, 1, "expires_at < $1", 0},
	{"sessions", []string{"tenant_id", "session_id"}, 0, "(expires_at < $1 OR idle_expires_at < $1)", 0},
	{"transactions", []string{"tenant_id", "state_hash"}, 1, "expires_at < $1", hour},
	// A code that is used again ends its tokens, for as long as it is remembered.
	{"authorization_codes", []string{"tenant_id", "code_hash"}, 1, "expires_at < $1", day},
	// A link that expired or was used says so for a while.
	{"tickets", []string{"tenant_id", "ticket_hash"}, 1, "expires_at < $1", month},
	{"login_tickets", []string{"tenant_id", "ticket_hash"}, 1, "expires_at < $1", 0},
	{"pushed_requests", []string{"tenant_id", "request_hash"}, 1, "expires_at < $1", 0},
	{"refresh_families", []string{"tenant_id", "family_id"}, 0,
		"((expires_at <> 0 AND expires_at < $1) OR (revoked_at <> 0 AND revoked_at < $1))", month},
	{"refresh_tokens", []string{"tenant_id", "token_hash"}, 1,
		`((rotated_at <> 0 AND rotated_at < $1) OR NOT EXISTS (SELECT 1 FROM refresh_families
			WHERE refresh_families.tenant_id = refresh_tokens.tenant_id
			AND refresh_families.family_id = refresh_tokens.family_id))`, month},
}

// sweeper remembers where each walk stopped.
type sweeper struct {
	retention time.Duration
	mu        sync.Mutex
	cursors   map[string][]any // by table
}

func newSweeper(retention time.Duration) *sweeper {
	return &sweeper{retention: retention, cursors: map[string][]any{}}
}

// Sweep deletes what has expired at now: challenges, codes, sessions, login transactions, limits, tokens that are long
// dead, log events past their retention. One call does a bounded amount of work and the next goes on where it stopped,
// so it is called every minute or so. A call while another is at work does nothing. It reports how many rows it deleted.
// The outbox is not swept here: its worker does that. What a node of the previous release has written of users is made
// searchable on the way.
func (db *DB) Sweep(ctx context.Context, now time.Time) (deleted int, err error) {
	if !db.sweeper.mu.TryLock() {
		return 0, nil
	}
	defer db.sweeper.mu.Unlock()
	for i := range mortals {
		n, err := db.walk(ctx, &mortals[i], now)
		deleted += n
		if err != nil {
			return deleted, fmt.Errorf("sweep %s: %w", mortals[i].table, err)
		}
	}
	if _, err := db.indexSomeUsers(ctx); err != nil {
		return deleted, fmt.Errorf("index users: %w", err)
	}
	n, err := db.DeleteEventsBefore(ctx, now.Add(-db.sweeper.retention), mostOldLogs)
	return deleted + n, err
}

// walk takes some bites of a table.
func (db *DB) walk(ctx context.Context, m *mortal, now time.Time) (deleted int, err error) {
	at := clock.Millis(now.Add(-m.grace))
	for bite := 1; bite <= mostBites; bite++ {
		seen, dead, err := db.bite(ctx, m, at)
		deleted += dead
		if err != nil {
			return deleted, err
		}
		if seen < biteRows || (bite >= usualBites && dead < seen/2) {
			break
		}
	}
	return deleted, nil
}

// bite looks at the next rows of a table and deletes those that are dead, looking again as it deletes.
func (db *DB) bite(ctx context.Context, m *mortal, at int64) (seen, deleted int, err error) {
	cursor := db.sweeper.cursors[m.table]
	if cursor == nil {
		cursor = m.start()
	}
	var dead [][]any
	err = db.read(ctx, &engine.Statement{SQL: m.selectBite(), Args: append([]any{at}, cursor...), Row: func(r engine.Row) error {
		key, isDead, err := m.scan(r)
		seen, cursor = seen+1, key
		if isDead {
			dead = append(dead, key)
		}
		return err
	}})
	if err != nil {
		return seen, 0, err
	}
	if len(dead) > 0 {
		err = db.InTx(ctx, func(ctx context.Context) error {
			for _, key := range dead {
				if err := db.queue(ctx, m.deleteOne(), append([]any{at}, key...)...); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return seen, 0, err
		}
	}
	db.sweeper.cursors[m.table] = cursor
	if seen < biteRows {
		delete(db.sweeper.cursors, m.table) // from the beginning again
	}
	return seen, len(dead), nil
}

// start is a key before every other.
func (m *mortal) start() []any {
	key := make([]any, len(m.keys))
	for i := range key {
		if i < len(key)-m.blobs {
			key[i] = ""
		} else {
			key[i] = []byte{}
		}
	}
	return key
}

func (m *mortal) scan(r engine.Row) (key []any, dead bool, err error) {
	texts := make([]string, len(m.keys)-m.blobs)
	blobs := make([][]byte, m.blobs)
	dest := make([]any, 0, len(m.keys)+1)
	for i := range texts {
		dest = append(dest, &texts[i])
	}
	for i := range blobs {
		dest = append(dest, &blobs[i])
	}
	if err := r.Scan(append(dest, &dead)...); err != nil {
		return nil, false, err
	}
	key = make([]any, 0, len(m.keys))
	for _, s := range texts {
		key = append(key, s)
	}
	for _, b := range blobs {
		key = append(key, b)
	}
	return key, dead, nil
}

func (m *mortal) selectBite() string {
	columns := strings.Join(m.keys, ", ")
	return in("SELECT "+columns+", "+m.dead+" FROM "+m.table+" WHERE ("+columns+") > ", len(m.keys), 2,
		" ORDER BY "+columns+" LIMIT "+strconv.Itoa(biteRows))
}

func (m *mortal) deleteOne() string {
	return in("DELETE FROM "+m.table+" WHERE "+m.dead+" AND ("+strings.Join(m.keys, ", ")+") = ", len(m.keys), 2, "")
}
