package eventlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/lucene"
)

// ErrNotFound is the answer to asking for an event that is not there.
var ErrNotFound = apierr.New(apierr.NotFound, "inexistent_log", "Log not found.")

// ErrTimeout is the answer to a search that reads too much. Its kind is apierr.Unavailable, and its code is its own.
var ErrTimeout = apierr.New(apierr.Unavailable, "query_timeout", "The query exceeded the timeout. Please try refining your search criteria.")

const (
	// MaxResults is how many results of a search can be reached by paging (Auth0 docs, "Retrieve Log Events Using the
	// Management API").
	MaxResults = 1000
	// searchLife is how long a search may read (ours; that of Auth0's user search).
	searchLife = 2 * time.Second
	// firstBatch and mostAtOnce are how many events a search reads at once: more and more, as long as it goes on.
	firstBatch = 100
	mostAtOnce = 1000
	// behind is how long readers that follow the log stay behind: an id is given on the way to its commit, so a later one may
	// be seen earlier.
	behind = 2 * time.Second
	// minLiteral is how many characters a wildcard at the beginning or inside of a term needs beside it (Auth0 docs, "Log
	// Search Query Syntax").
	minLiteral = 3
)

// Query is a search. Offset and Limit take a part of its first MaxResults results, by time.
type Query struct {
	Text          string // in the query language of package lucene
	UserID        string // where not empty, only events of this user
	Ascending     bool   // the oldest first, else the newest
	Offset, Limit int
}

// Search gives the events that a query matches. Its refusals are ErrTimeout and those of lucene.Parse.
func (l *Log) Search(ctx context.Context, tenantID string, q Query) ([]Record, error) {
	condition, err := lucene.Parse(q.Text)
	if err != nil {
		return nil, err
	}
	if err := lucene.Each(condition, checkPattern); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, searchLife, ErrTimeout)
	defer cancel()
	s := search{log: l, tenantID: tenantID, condition: condition}
	s.criteria = Criteria{UserID: q.UserID, Ascending: q.Ascending}
	s.criteria.narrow(condition)
	found, err := s.first(ctx, min(q.Offset+q.Limit, MaxResults))
	if err != nil {
		if errors.Is(context.Cause(ctx), ErrTimeout) {
			return nil, ErrTimeout
		}
		return nil, fmt.Errorf("search log events: %w", err)
	}
	return found[min(q.Offset, len(found)):], nil
}

// search is a query on its way through the log.
type search struct {
	log       *Log
	tenantID  string
	condition lucene.Node
	criteria  Criteria // of what was not read yet
}

// first gives the first events that match, at most wanted.
func (s *search) first(ctx context.Context, wanted int) ([]Record, error) {
	var found []Record
	for batch := firstBatch; len(found) < wanted; batch = min(2*batch, mostAtOnce) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		read, err := s.log.store.Events(ctx, s.tenantID, s.criteria, batch)
		if err != nil {
			return nil, err
		}
		for i := range read {
			if len(found) < wanted && matcher.Match(s.condition, read[i].values) {
				found = append(found, read[i])
			}
		}
		if len(read) < batch {
			break
		}
		s.criteria.behind(read[len(read)-1].ID)
	}
	return found, nil
}

// behind leaves what comes after an id in the order of reading.
func (c *Criteria) behind(id string) {
	if c.Ascending {
		c.From = after(id)
	} else {
		c.Until = id
	}
}

// after is the least text that is greater than an id and all that ids consist of.
func after(id string) string { return id + " " }

// matcher knows the fields of events that are searched (Auth0 docs, "Log Search Query Syntax").
var matcher = lucene.Matcher{
	Bare:  []string{"client_name", "connection", "description", "ip", "log_id", "type", "user_name"},
	Dates: []string{"date"},
}

// values gives what a search finds in a field.
func (r *Record) values(field string) []string {
	value := ""
	switch field {
	case "client_id":
		value = r.ClientID
	case "client_name":
		value = r.ClientName
	case "connection":
		value = r.Connection
	case "connection_id":
		value = r.ConnectionID
	case "date":
		value = r.Date.UTC().Format(lucene.DateLayout)
	case "description":
		value = r.Description
	case "hostname":
		value = r.Origin.Hostname
	case "ip":
		value = r.Origin.IP
	case "log_id":
		value = r.ID
	case "strategy":
		value = r.Strategy
	case "strategy_type":
		value = r.StrategyType
	case "type":
		value = string(r.Type)
	case "user_agent":
		value, _ = Agent(r.Origin.UserAgent)
	case "user_id":
		value = r.UserID
	case "user_name":
		value = r.UserName
	}
	if value == "" {
		return nil
	}
	return []string{value}
}

// narrow adds what a condition says of the columns that have an index. What is read then is all that the condition admits,
// and as a rule more.
func (c *Criteria) narrow(n lucene.Node) {
	switch n := n.(type) {
	case lucene.And:
		for _, each := range n.Nodes {
			c.narrow(each)
		}
	case lucene.Term:
		c.narrowTerm(n)
	case lucene.Range:
		switch n.Field {
		case "date":
			if from, until, ok := n.Dates(); ok {
				c.between(from, until)
			}
		case "log_id":
			c.atLeast(n.Low)
			if n.High != "" {
				c.before(after(n.High))
			}
		}
	}
}

func (c *Criteria) narrowTerm(t lucene.Term) {
	if t.Pattern != nil {
		if prefix, ok := t.Prefix(); ok && t.Field == "log_id" {
			c.atLeast(prefix)
		}
		return
	}
	switch t.Field {
	case "type":
		if c.Type == "" {
			c.Type = Type(t.Value)
		}
	case "user_id":
		if c.UserID == "" {
			c.UserID = t.Value
		}
	case "log_id":
		c.atLeast(t.Value)
		c.before(after(t.Value))
	case "date":
		if from, until, ok := lucene.Date(t.Value); ok {
			c.between(from, until)
		}
	}
}

// between admits moments from from on and before until; a zero one is open.
func (c *Criteria) between(from, until time.Time) {
	if !from.IsZero() {
		c.atLeast(IDAt(from))
	}
	if !until.IsZero() {
		c.before(IDAt(until))
	}
}

func (c *Criteria) atLeast(id string) { c.From = max(c.From, id) }

func (c *Criteria) before(id string) {
	if c.Until == "" || id < c.Until {
		c.Until = id
	}
}

// checkPattern refuses wildcards that fit nearly everything.
func checkPattern(n lucene.Node) error {
	t, isTerm := n.(lucene.Term)
	if !isTerm || t.Pattern == nil {
		return nil
	}
	if _, prefix := t.Prefix(); prefix || t.Literal() >= minLiteral {
		return nil
	}
	return apierr.Newf(apierr.Invalid, lucene.Code,
		"A wildcard at the beginning or inside of a term needs %d other characters at least.", minLiteral)
}

// Get gives an event by its id, or ErrNotFound.
func (l *Log) Get(ctx context.Context, tenantID, id string) (*Record, error) {
	r, err := l.store.Event(ctx, tenantID, id)
	if err != nil {
		return nil, fmt.Errorf("read a log event: %w", err)
	}
	if r == nil {
		return nil, ErrNotFound
	}
	return r, nil
}

// Follow gives the events that come after an id, the oldest first, at most limit; after the empty id come all. Those of the
// last two seconds are not given yet, so that nobody who goes on from the last id misses an event, however long its
// transaction was open. What remains is a commit that itself takes longer: one that waits in PostgreSQL for rows that others
// have locked, or of a node whose clock is behind.
func (l *Log) Follow(ctx context.Context, tenantID, id string, limit int) ([]Record, error) {
	c := Criteria{Ascending: true, Until: IDAt(l.clock.Now().Add(-behind))}
	if id != "" {
		c.From = after(id)
	}
	records, err := l.store.Events(ctx, tenantID, c, limit)
	if err != nil {
		return nil, fmt.Errorf("follow the log: %w", err)
	}
	return records, nil
}

// Day is what the log counts of one day.
type Day struct {
	Date            time.Time // its beginning in UTC
	Logins, Signups int
}

// Daily counts the logins and sign-ups of the days from from to to, both included, the earliest first. Days without any
// are left out. Its refusal is ErrTimeout.
func (l *Log) Daily(ctx context.Context, tenantID string, from, to time.Time) ([]Day, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, searchLife, ErrTimeout)
	defer cancel()
	first, last := from.UTC().Truncate(24*time.Hour), to.UTC().Truncate(24*time.Hour)
	counts, err := l.store.CountByDay(ctx, tenantID, IDAt(first), IDAt(last.Add(24*time.Hour)), SuccessLogin, SuccessSignup)
	if err != nil {
		if errors.Is(context.Cause(ctx), ErrTimeout) {
			return nil, ErrTimeout
		}
		return nil, fmt.Errorf("count log events: %w", err)
	}
	return days(counts)
}

// days puts the counts of each day together.
func days(counts []DayCount) ([]Day, error) {
	byDate := map[time.Time]*Day{}
	for _, c := range counts {
		date, err := time.Parse("20060102", c.Day)
		if err != nil {
			return nil, fmt.Errorf("read the day of a log event: %w", err)
		}
		d := byDate[date]
		if d == nil {
			d = &Day{Date: date}
			byDate[date] = d
		}
		if c.Type == SuccessLogin {
			d.Logins += c.Count
		} else {
			d.Signups += c.Count
		}
	}
	list := make([]Day, 0, len(byDate))
	for _, d := range byDate {
		list = append(list, *d)
	}
	slices.SortFunc(list, func(a, b Day) int { return a.Date.Compare(b.Date) })
	return list, nil
}
