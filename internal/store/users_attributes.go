package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/internal/clock"
	"latchkey/internal/lucene"
	"latchkey/internal/store/engine"
	"latchkey/internal/user"
)

const (
	insertAttributesStart = `INSERT INTO user_attributes (tenant_id, user_id, created_at, path, value) VALUES `
	insertAttributesEnd   = ` ON CONFLICT DO NOTHING`
	deleteAttribute       = `DELETE FROM user_attributes WHERE tenant_id = $1 AND path = $2 AND value = $3
		AND created_at = $4 AND user_id = $5`
	deleteAttributes = `DELETE FROM user_attributes WHERE tenant_id = $1 AND user_id = $2`
	countUser        = `INSERT INTO user_counts (tenant_id, shard, users) VALUES ($1, $2, $3)
		ON CONFLICT (tenant_id, shard) DO UPDATE SET users = user_counts.users + excluded.users`
	selectIndexedUser = `SELECT ` + userColumns + `, users.indexed_version FROM users WHERE tenant_id = $1 AND user_id = $2`
	selectNotIndexed  = `SELECT users.tenant_id, users.indexed_version, ` + userColumns + ` FROM users
		WHERE indexed_version <> version ORDER BY tenant_id, user_id LIMIT $1`
	markIndexed = `UPDATE users SET indexed_version = version, created_at = $4
		WHERE tenant_id = $1 AND user_id = $2 AND version = $3 AND indexed_version = $5`
)

// Bounds of what is written of one user. Text is clipped so that a row fits an index of PostgreSQL.
const (
	mostAttributes = 500
	mostPath       = 200 // bytes
	mostValue      = 256 // bytes
	mostNested     = 10  // levels of metadata
)

// shards is how many rows the count of a tenant's users is spread over.
const shards = 16

// attribute is one thing that a user can be found by.
type attribute struct{ path, value string }

// everyone is the attribute of every user.
var everyone = attribute{}

// attributesOf gives what a user can be found by, beside what changes with each login and has columns of its own.
func attributesOf(u *user.User) []attribute {
	c := collector{seen: map[attribute]bool{}}
	c.add(everyone)
	c.text("email", u.Email)
	if _, domain, ok := strings.Cut(u.Email, "@"); ok {
		c.text("email.domain", domain)
		c.add(attribute{"email_verified", strconv.FormatBool(u.EmailVerified)})
	}
	c.text("phone_number", u.PhoneNumber)
	if u.PhoneNumber != "" {
		c.add(attribute{"phone_verified", strconv.FormatBool(u.PhoneVerified)})
	}
	c.text("username", u.Username)
	c.text("name", u.Name)
	c.text("nickname", u.Nickname)
	c.text("given_name", u.GivenName)
	c.text("family_name", u.FamilyName)
	c.date("updated_at", u.UpdatedAt)
	c.date("last_password_reset", u.LastPasswordReset)
	for _, id := range u.Identities {
		c.text("identities.connection", id.Connection)
		c.text("identities.provider", string(id.Provider))
		c.text("identities.user_id", id.UserID)
		c.add(attribute{"identities.isSocial", strconv.FormatBool(id.IsSocial)})
		for _, member := range []string{"email", "username"} {
			if v, ok := id.ProfileData[member].(string); ok {
				c.text("identities.profileData."+member, v)
			}
		}
	}
	c.members("app_metadata", u.AppMetadata, 0)
	c.members("user_metadata", u.UserMetadata, 0)
	return c.all
}

// collector gathers attributes up to the bound, each once.
type collector struct {
	all  []attribute
	seen map[attribute]bool
}

func (c *collector) add(a attribute) {
	if len(c.all) < mostAttributes && !c.seen[a] {
		c.seen[a] = true
		c.all = append(c.all, a)
	}
}

func (c *collector) text(path, value string) {
	if value != "" {
		c.add(attribute{path, textValue(path, value)})
	}
}

func (c *collector) date(path string, t time.Time) {
	if !t.IsZero() {
		c.add(attribute{path, dateValue(t)})
	}
}

// members adds what a piece of metadata has, the elements of lists as values of the list.
func (c *collector) members(path string, v any, level int) {
	if level > mostNested {
		return
	}
	switch v := v.(type) {
	case nil:
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			c.members(path+"."+key, v[key], level+1)
		}
	case []any:
		for _, element := range v {
			c.members(path, element, level+1)
		}
	case string:
		c.add(attribute{pathKey(path), textValue(path, v)})
	case bool:
		c.add(attribute{pathKey(path), strconv.FormatBool(v)})
	case float64:
		c.add(attribute{pathKey(path), numberValue(v)})
	default: // as it will be when it is read
		var plain any
		if b, err := json.Marshal(v); err == nil && json.Unmarshal(b, &plain) == nil {
			c.members(path, plain, level+1)
		}
	}
}

// pathKey gives the form in which a path is kept.
func pathKey(path string) string { return clip(clean(path), mostPath) }

// textValue gives the form in which a text is kept: folded where case does not matter, clipped, and apart from numbers.
func textValue(path, text string) string {
	if user.Folded(path) {
		text = strings.ToLower(text)
	}
	return clip(apart(clean(text)), mostValue)
}

// apart marks a text that would read as a number.
func apart(text string) string {
	if strings.HasPrefix(text, numberMark) || strings.HasPrefix(text, textMark) {
		return textMark + text
	}
	return text
}

const (
	numberMark = "\x01"
	textMark   = "\x02"
)

// numberValue writes a number so that the order of texts is that of numbers: as the bits of its floating point form, with
// those of negative ones turned round.
func numberValue(f float64) string {
	bits := math.Float64bits(f + 0) // one zero
	if bits>>63 == 1 {
		bits = ^bits
	} else {
		bits |= 1 << 63
	}
	return numberMark + fmt.Sprintf("%016x", bits)
}

func dateValue(t time.Time) string { return t.UTC().Format(lucene.DateLayout) }

// clip bounds a text. What is cut off leaves a digest, so that different texts stay different.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	digest := hex.EncodeToString(sum[:16])
	return clipped(text, most-len(digest)) + digest
}

// clipped gives the beginning of a text, whole characters.
func clipped(text string, most int) string {
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// Attributes are written by statements of few lengths; one that is longer than what is left repeats the last, which
// conflicts with itself and does nothing.
var attributeBatches = []int{4, 8, 12, 16, 24, 32, 48, 64}

// batchFor gives the smallest batch that n fit in, or else the largest.
func batchFor(batches []int, n int) int {
	for _, batch := range batches {
		if batch >= n {
			return batch
		}
	}
	return batches[len(batches)-1]
}

func insertAttributes(tenantID string, u *user.User, list []attribute) []*engine.Statement {
	var statements []*engine.Statement
	for len(list) > 0 {
		n := batchFor(attributeBatches, len(list))
		args := make([]any, 0, 3+2*n)
		args = append(args, tenantID, u.ID, clock.Millis(u.CreatedAt))
		for i := range n {
			a := list[min(i, len(list)-1)]
			args = append(args, a.path, a.value)
		}
		statements = append(statements, &engine.Statement{
			SQL:  tuples(insertAttributesStart, n, 2, 4, "$1, $2, $3, ", insertAttributesEnd),
			Args: args,
		})
		list = list[min(n, len(list)):]
	}
	return statements
}

// changedAttributes gives the statements that turn the attributes of a stored user into those of another form of it. Where
// they were not written with the stored form, all of them are written anew.
func changedAttributes(tenantID string, stored, u *user.User, indexed bool) []*engine.Statement {
	wanted := attributesOf(u)
	created := clock.Millis(stored.CreatedAt)
	if !indexed || created != clock.Millis(u.CreatedAt) {
		return append([]*engine.Statement{{SQL: deleteAttributes, Args: []any{tenantID, u.ID}}},
			insertAttributes(tenantID, u, wanted)...)
	}
	before := attributesOf(stored)
	known, kept := set(before), set(wanted)
	var statements []*engine.Statement
	for _, a := range before {
		if !kept[a] {
			statements = append(statements, &engine.Statement{
				SQL: deleteAttribute, Args: []any{tenantID, a.path, a.value, created, u.ID},
			})
		}
	}
	added := slices.DeleteFunc(wanted, func(a attribute) bool { return known[a] })
	return append(statements, insertAttributes(tenantID, u, added)...)
}

func set(list []attribute) map[attribute]bool {
	m := make(map[attribute]bool, len(list))
	for _, a := range list {
		m[a] = true
	}
	return m
}

// countUsers gives the statement that adds to the number of a tenant's users.
func (db *DB) countUsers(ctx context.Context, tenantID string, n int) *engine.Statement {
	shard := rand.IntN(shards)
	if t := db.transactionFrom(ctx); t != nil {
		shard = t.shard
	}
	return &engine.Statement{SQL: countUser, Args: []any{tenantID, shard, n}}
}

// indexedUser is User with the version whose attributes are written; 0 when none ever were.
func (db *DB) indexedUser(ctx context.Context, tenantID, userID string) (u *user.User, indexed int64, err error) {
	var r userRow
	found, err := db.readRow(ctx, selectIndexedUser, []any{tenantID, userID}, append(r.dest(), &indexed)...)
	if err != nil {
		return nil, 0, fmt.Errorf("read a user: %w", err)
	}
	if !found {
		return nil, 0, user.ErrNotFound
	}
	u, err = r.user()
	return u, indexed, err
}

// notIndexed is a user whose attributes are not those of its version: one that a release without them has written.
type notIndexed struct {
	tenantID string
	indexed  int64
	user     *user.User
}

// Users that are not indexed are taken so many at a time.
const indexBatch = 100

// indexUsers writes the attributes of users that lack them, until there are none.
func (db *DB) indexUsers(ctx context.Context) error {
	for {
		n, err := db.indexSomeUsers(ctx)
		if err != nil {
			return fmt.Errorf("index users: %w", err)
		}
		if n < indexBatch {
			return nil
		}
	}
}

// indexSomeUsers writes the attributes of a bounded number of users that lack them and tells how many it saw.
func (db *DB) indexSomeUsers(ctx context.Context) (seen int, err error) {
	waiting, err := db.notIndexed(ctx)
	if err != nil || len(waiting) == 0 {
		return 0, err
	}
	err = db.InTx(ctx, func(ctx context.Context) error {
		waiting, err := db.notIndexed(ctx) // now that others wait
		if err != nil {
			return err
		}
		seen = len(waiting)
		for _, w := range waiting {
			if err := db.indexUser(ctx, w); err != nil {
				return err
			}
		}
		return nil
	})
	return seen, err
}

func (db *DB) notIndexed(ctx context.Context) ([]notIndexed, error) {
	var waiting []notIndexed
	err := db.read(ctx, &engine.Statement{SQL: selectNotIndexed, Args: []any{indexBatch}, Row: func(row engine.Row) error {
		var w notIndexed
		var r userRow
		if err := row.Scan(append([]any{&w.tenantID, &w.indexed}, r.dest()...)...); err != nil {
			return err
		}
		u, err := r.user()
		w.user = u
		waiting = append(waiting, w)
		return err
	}})
	return waiting, err
}

func (db *DB) indexUser(ctx context.Context, w notIndexed) error {
	statements := []*engine.Statement{
		{ // somebody else who changed or indexed it meanwhile makes all of this begin again
			SQL:    markIndexed,
			Args:   []any{w.tenantID, w.user.ID, w.user.Version, clock.Millis(w.user.CreatedAt), w.indexed},
			Missed: engine.ErrRetry,
		},
		{SQL: deleteAttributes, Args: []any{w.tenantID, w.user.ID}},
	}
	statements = append(statements, insertAttributes(w.tenantID, w.user, attributesOf(w.user))...)
	if w.indexed == 0 {
		statements = append(statements, db.countUsers(ctx, w.tenantID, 1))
	}
	return db.queueAll(ctx, statements...)
}
