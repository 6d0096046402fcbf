package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/store/engine"
	"latchkey/internal/user"
)

// A search is planned here and not by the databases, whose guesses about a table of such different values differ from each
// other and from day to day. Each condition of a filter can be a source, which gives users, or a probe, which looks one
// user up. One source drives; all other conditions are probes. Which one drives is found by counting, up to a bound, what
// each would give:
//
//   - few users: they are all looked at and put in order;
//   - many: the driver is something that stands in the wanted order in its index, and as much of it is read as the page
//     needs. The rows of one value stand in the order of creation, so for the usual order that is a condition of the
//     filter itself or, where none will do, everyone.

var _ user.Searcher = (*DB)(nil)

const (
	selectCount   = `SELECT COALESCE(SUM(users), 0) FROM user_counts WHERE tenant_id = $1`
	selectActive  = `SELECT COUNT(*) FROM users WHERE tenant_id = $1 AND last_login >= $2`
	selectByEmail = `SELECT user_id FROM user_attributes WHERE tenant_id = $1 AND path = 'email' AND value = $2
		ORDER BY created_at, user_id LIMIT $3`
	selectOfConnection = `SELECT user_id FROM user_attributes WHERE tenant_id = $1 AND path = 'identities.connection'
		AND value = $2 AND (created_at, user_id) > ($3, $4) ORDER BY created_at, user_id LIMIT $5`
	selectUsers = `SELECT users.user_id, ` + userColumns + ` FROM users WHERE tenant_id = $1 AND user_id IN `
)

// few is how many users a search looks at and orders, rather than reading them in order.
const few = 1000

// mostOfOneEmail bounds the users of one address. A tenant has as many as connections, usually.
const mostOfOneEmail = 1000

// SearchUsers implements user.Searcher.
func (db *DB) SearchUsers(ctx context.Context, tenantID string, s user.Search) ([]*user.User, int, error) {
	return db.searchWithin(ctx, user.SearchTime, tenantID, s)
}

func (db *DB) searchWithin(ctx context.Context, limit time.Duration, tenantID string, s user.Search) ([]*user.User, int, error) {
	if s.Filter != nil {
		if err := user.CheckFilter(s.Filter); err != nil {
			return nil, 0, err
		}
	}
	filter, err := compiled(s.Filter)
	if err != nil {
		return nil, 0, err
	}
	q := &search{db: db, tenantID: tenantID, deadline: time.Now().Add(limit), filter: filter}
	found, total, err := q.run(ctx, s)
	switch {
	case errors.Is(err, engine.ErrTooSlow):
		return nil, 0, user.ErrSearchTooSlow.With(err)
	case err != nil:
		return nil, 0, fmt.Errorf("search users: %w", err)
	}
	return found, total, nil
}

// search is one search under way.
type search struct {
	db       *DB
	tenantID string
	deadline time.Time
	filter   condition
}

func (q *search) read(ctx context.Context, statements ...*engine.Statement) error {
	if !allStorable(statements) {
		return nil // nothing is called so
	}
	return q.db.engine.ReadWithin(ctx, time.Until(q.deadline), statements...)
}

func (q *search) run(ctx context.Context, s user.Search) (found []*user.User, total int, err error) {
	if q.filter == holdsNever {
		return nil, 0, nil
	}
	o := orderOf(s.Sort)
	p, err := q.plan(ctx, o)
	if err != nil {
		return nil, 0, err
	}
	var ids []string
	statements := []*engine.Statement{p.page(q.tenantID, s.Offset, s.Limit, &ids)}
	switch {
	case s.Total && p.known != nil:
		total = *p.known
	case s.Total:
		statements = append(statements, p.total(q.tenantID, &total))
	}
	if err := q.read(ctx, statements...); err != nil {
		return nil, 0, err
	}
	if p.rest != nil && len(ids) < s.Limit {
		more, err := q.withoutValue(ctx, p, s, len(ids))
		if err != nil {
			return nil, 0, err
		}
		ids = append(ids, more...)
	}
	found, err = q.db.usersByID(ctx, q.tenantID, ids, q.read)
	return found, total, err
}

// withoutValue goes on, after a number of users that have the field of the order, with those that have not.
func (q *search) withoutValue(ctx context.Context, p *plan, s user.Search, had int) (ids []string, err error) {
	skip := 0
	if had == 0 {
		before := 0
		if err := q.read(ctx, p.countUpTo(q.tenantID, s.Offset, &before)); err != nil {
			return nil, err
		}
		skip = s.Offset - before
	}
	err = q.read(ctx, p.rest.page(q.tenantID, skip, s.Limit-had, &ids))
	return ids, err
}

// plan decides what drives the search.
func (q *search) plan(ctx context.Context, o order) (*plan, error) {
	byCreation := o.key == nil
	if l, ok := q.filter.(*leaf); ok && l.ordered && byCreation {
		return &plan{sources: []*leaf{l}, order: o}, nil // in order, however many
	}
	if q.filter != holdsAlways {
		counts, err := q.count(ctx, q.filter)
		if err != nil {
			return nil, err
		}
		if driver, n := counts.best(q.filter); n <= few {
			p := &plan{sources: leaves(driver), probes: without(q.filter, driver), order: o, sort: true}
			if l, ok := driver.(*leaf); ok && l.once && !l.scans && p.probes == holdsAlways {
				p.known = &n
			}
			return p, nil
		}
	}
	if byCreation {
		driver := orderedPart(q.filter)
		return &plan{sources: []*leaf{driver}, probes: without(q.filter, driver), order: o}, nil
	}
	lacking := o
	lacking.key = nil
	driver := orderedPart(q.filter)
	return &plan{
		sources: []*leaf{o.key}, probes: q.filter, order: o,
		counting: &plan{sources: []*leaf{driver}, probes: without(q.filter, driver), order: lacking},
		rest:     &plan{sources: []*leaf{driver}, probes: and{without(q.filter, driver), not{o.key}}, order: lacking},
	}, nil
}

// counts is how many users each leaf gives, up to one more than few.
type counts map[*leaf]*int

// unknown stands for more than few.
const unknown = few + 1

// count asks for the counts of all leaves that could drive.
func (q *search) count(ctx context.Context, c condition) (counts, error) {
	found := counts{}
	var statements []*engine.Statement
	for _, l := range leaves(positive(c)) {
		if l.scans || found[l] != nil {
			continue
		}
		found[l] = new(int)
		statements = append(statements, l.countSome(q.tenantID, found[l]))
	}
	if len(statements) == 0 {
		return found, nil
	}
	return found, q.read(ctx, statements...)
}

// countSome gives the statement that counts the rows of a leaf, up to one more than few.
func (l *leaf) countSome(tenantID string, n *int) *engine.Statement {
	w := &writer{args: []any{tenantID}}
	text := `SELECT COUNT(*) FROM (SELECT 1 AS one FROM ` + l.table + ` AS s WHERE s.tenant_id = $1 AND ` + l.where(w, "s") +
		` LIMIT ` + strconv.Itoa(unknown) + `) AS found`
	return &engine.Statement{SQL: text, Args: w.args, Row: func(r engine.Row) error { return r.Scan(n) }}
}

// best gives the part of a condition that gives the fewest users and contains all that satisfy the condition, and how many
// it gives. A part that must be scanned is better than everyone.
func (c counts) best(part condition) (driver condition, n int) {
	switch part := part.(type) {
	case *leaf:
		if n := c[part]; n != nil {
			return part, *n
		}
		if part.scans {
			return part, few
		}
	case and:
		driver, n = part, unknown
		for _, child := range part {
			if d, m := c.best(child); m < n {
				driver, n = d, m
			}
		}
		return driver, n
	case or:
		all, scanned := make(or, 0, len(part)), 0
		for _, child := range part {
			d, m := c.best(child)
			all = append(all, d)
			if m == few {
				scanned = few // one scan more or less is still better than everyone
			} else {
				n += m
			}
		}
		n = max(n, scanned)
		if n <= few && slices.Equal(leaves(all), leaves(part)) {
			return part, n // nothing is left to probe
		}
		return all, n
	}
	return part, unknown
}

// positive is what of a condition may give users: all but the negations.
func positive(c condition) condition {
	switch c := c.(type) {
	case and:
		var kept and
		for _, child := range c {
			if p := positive(child); p != holdsAlways {
				kept = append(kept, p)
			}
		}
		return kept
	case or:
		kept := make(or, 0, len(c))
		for _, child := range c {
			p := positive(child)
			if p == holdsAlways {
				return holdsAlways
			}
			kept = append(kept, p)
		}
		return kept
	case not:
		return holdsAlways
	}
	return c
}

// orderedPart gives a leaf that stands in the order of creation and that all users that satisfy the condition are in.
func orderedPart(c condition) *leaf {
	switch c := c.(type) {
	case *leaf:
		if c.ordered {
			return c
		}
	case and:
		var created *leaf
		for _, child := range c {
			if l, ok := child.(*leaf); ok && l.ordered {
				if l.direct == nil {
					return l // the time of creation is in its rows too
				}
				created = l
			}
		}
		if created != nil {
			return created
		}
	}
	return everybody()
}

// plan is what a search reads.
type plan struct {
	sources []*leaf
	probes  condition // holdsAlways when the sources say it all; nil likewise
	order   order
	sort    bool // the sources are not in order
	known   *int // how many users there are, if it was counted on the way

	counting *plan // of which the total is counted, where not of this one
	rest     *plan // who comes after those of this one
}

// from writes the sources as d, with a condition, and the probes.
func (p *plan) from(w *writer) string {
	var b strings.Builder
	if len(p.sources) == 1 && p.sources[0].once {
		l := p.sources[0]
		b.WriteString(` FROM ` + l.table + ` AS d WHERE d.tenant_id = $1 AND ` + l.where(w, "d"))
	} else {
		b.WriteString(` FROM (`)
		distinct := "DISTINCT " // which UNION is by itself
		if len(p.sources) > 1 {
			distinct = ""
		}
		for i, l := range p.sources {
			if i > 0 {
				b.WriteString(` UNION `)
			}
			b.WriteString(`SELECT ` + distinct + `s.created_at, s.user_id FROM ` + l.table + ` AS s WHERE s.tenant_id = $1 AND ` + l.where(w, "s"))
		}
		b.WriteString(`) AS d WHERE 1 = 1`)
	}
	if p.probes != nil && p.probes != holdsAlways {
		b.WriteString(` AND ` + p.probes.probe(w))
	}
	return b.String()
}

// page gives the statement that reads the ids of a page.
func (p *plan) page(tenantID string, offset, limit int, ids *[]string) *engine.Statement {
	w := &writer{args: []any{tenantID}}
	from := p.from(w)
	var text string
	switch {
	case p.order.key == nil:
		text = `SELECT d.user_id` + from + p.order.by("d.created_at", "d.user_id")
	case p.sort:
		key := p.order.value(w)
		text = `SELECT ordered.user_id FROM (SELECT d.user_id, d.created_at, ` + key + ` AS sort_key` + from + `) AS ordered`
		if p.order.column != "" {
			text += p.order.by("ordered.sort_key IS NULL", "ordered.sort_key", "ordered.user_id")
		} else {
			text += p.order.by("ordered.sort_key IS NULL", "ordered.sort_key", "ordered.created_at", "ordered.user_id")
		}
	case p.order.column != "":
		text = `SELECT d.user_id` + from + p.order.by("d."+p.order.column, "d.user_id")
	default:
		text = `SELECT d.user_id` + from + p.order.first(w) + p.order.by("d.value", "d.created_at", "d.user_id")
	}
	text += ` LIMIT ` + w.arg(limit) + ` OFFSET ` + w.arg(offset)
	return &engine.Statement{SQL: text, Args: w.args, Row: func(r engine.Row) error {
		var id string
		err := r.Scan(&id)
		*ids = append(*ids, id)
		return err
	}}
}

// countUpTo gives the statement that counts those that the plan gives, up to a bound.
func (p *plan) countUpTo(tenantID string, most int, n *int) *engine.Statement {
	w := &writer{args: []any{tenantID}}
	text := `SELECT COUNT(*) FROM (SELECT 1 AS one` + p.from(w)
	if p.order.key != nil && p.order.column == "" {
		text += p.order.first(w)
	}
	text += ` LIMIT ` + w.arg(most) + `) AS found`
	return &engine.Statement{SQL: text, Args: w.args, Row: func(r engine.Row) error { return r.Scan(n) }}
}

// total gives the statement that counts the users of the result.
func (p *plan) total(tenantID string, n *int) *engine.Statement {
	if p.counting != nil {
		p = p.counting
	}
	into := func(r engine.Row) error { return r.Scan(n) }
	if len(p.sources) == 1 && p.sources[0].everybody && (p.probes == nil || p.probes == holdsAlways) {
		return &engine.Statement{SQL: selectCount, Args: []any{tenantID}, Row: into}
	}
	w := &writer{args: []any{tenantID}}
	return &engine.Statement{SQL: `SELECT COUNT(*)` + p.from(w), Args: w.args, Row: into}
}

// UsersByEmail implements user.Searcher.
func (db *DB) UsersByEmail(ctx context.Context, tenantID, email string) ([]*user.User, error) {
	ids, err := db.ids(ctx, selectByEmail, tenantID, textValue("email", email), mostOfOneEmail)
	if err != nil {
		return nil, fmt.Errorf("list the users of an e-mail address: %w", err)
	}
	found, err := db.usersByID(ctx, tenantID, ids, db.read)
	return slices.DeleteFunc(found, func(u *user.User) bool { return u.Email != email }), err
}

// UsersOfConnection implements user.Searcher.
func (db *DB) UsersOfConnection(ctx context.Context, tenantID, connection string, after user.Position, limit int) ([]*user.User, error) {
	ids, err := db.ids(ctx, selectOfConnection, tenantID, textValue("identities.connection", connection),
		clock.Millis(after.CreatedAt), after.ID, limit)
	if err != nil {
		return nil, fmt.Errorf("list the users of a connection: %w", err)
	}
	return db.usersByID(ctx, tenantID, ids, db.read)
}

// CountActiveUsers implements user.Searcher.
func (db *DB) CountActiveUsers(ctx context.Context, tenantID string, since time.Time) (n int, err error) {
	if _, err := db.readRow(ctx, selectActive, []any{tenantID, max(1, clock.Millis(since))}, &n); err != nil {
		return 0, fmt.Errorf("count active users: %w", err)
	}
	return n, nil
}

func (db *DB) ids(ctx context.Context, text string, args ...any) (ids []string, err error) {
	err = db.read(ctx, &engine.Statement{SQL: text, Args: args, Row: func(r engine.Row) error {
		var id string
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	}})
	return ids, err
}

// Users are read so many at a time, in statements of few lengths.
var userBatches = []int{1, 10, 25, 50, 100}

// usersByID gives users in the order of the ids; those who are gone are left out.
func (db *DB) usersByID(ctx context.Context, tenantID string, ids []string, read func(context.Context, ...*engine.Statement) error) ([]*user.User, error) {
	byID := make(map[string]*user.User, len(ids))
	var statements []*engine.Statement
	for batch := range slices.Chunk(ids, userBatches[len(userBatches)-1]) {
		n := batchFor(userBatches, len(batch))
		args := make([]any, 0, 1+n)
		args = append(args, tenantID)
		for i := range n {
			args = append(args, batch[min(i, len(batch)-1)])
		}
		statements = append(statements, &engine.Statement{SQL: in(selectUsers, n, 2, ""), Args: args, Row: func(row engine.Row) error {
			var id string
			var r userRow
			if err := row.Scan(append([]any{&id}, r.dest()...)...); err != nil {
				return err
			}
			u, err := r.user()
			byID[id] = u
			return err
		}})
	}
	if len(statements) == 0 {
		return nil, nil
	}
	if err := read(ctx, statements...); err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	found := make([]*user.User, 0, len(ids))
	for _, id := range ids {
		if u := byID[id]; u != nil {
			found = append(found, u)
		}
	}
	return found, nil
}
