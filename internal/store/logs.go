package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/eventlog"
	"latchkey/internal/store/engine"
)

var _ eventlog.Store = (*DB)(nil)

const (
	insertLogs = `INSERT INTO logs (tenant_id, log_id, type, user_id, logged_at, document) VALUES `
	selectLogs = `SELECT log_id, logged_at, document FROM logs WHERE tenant_id = $1`
	selectLog  = selectLogs + ` AND log_id = $2`
	// The day stands behind the three digits that every id begins with.
	countLogs = `SELECT substr(log_id, 4, 8), COUNT(*) FROM logs
		WHERE tenant_id = $1 AND type = $2 AND log_id >= $3 AND log_id < $4
		GROUP BY substr(log_id, 4, 8) ORDER BY substr(log_id, 4, 8)`
	selectTenantIDs = `SELECT tenant_id FROM tenants ORDER BY tenant_id`
	// Ids are ordered by time, so the oldest events are at the beginning of the primary key.
	deleteLogs = `DELETE FROM logs WHERE tenant_id = $1 AND logged_at < $2 AND log_id IN
		(SELECT log_id FROM logs WHERE tenant_id = $1 ORDER BY log_id LIMIT $3)`
)

// storedEvent is the document of an event.
type storedEvent struct {
	Type         eventlog.Type    `json:"type"`
	Description  string           `json:"description,omitempty"`
	ClientID     string           `json:"client_id,omitempty"`
	ClientName   string           `json:"client_name,omitempty"`
	Connection   string           `json:"connection,omitempty"`
	ConnectionID string           `json:"connection_id,omitempty"`
	Strategy     string           `json:"strategy,omitempty"`
	StrategyType string           `json:"strategy_type,omitempty"`
	UserID       string           `json:"user_id,omitempty"`
	UserName     string           `json:"user_name,omitempty"`
	Audience     string           `json:"audience,omitempty"`
	Scope        string           `json:"scope,omitempty"`
	IP           string           `json:"ip,omitempty"`
	ClientIP     string           `json:"client_ip,omitempty"`
	UserAgent    string           `json:"user_agent,omitempty"`
	Hostname     string           `json:"hostname,omitempty"`
	SDK          string           `json:"sdk,omitempty"`
	Language     string           `json:"language,omitempty"`
	RequestID    string           `json:"request_id,omitempty"`
	Details      *json.RawMessage `json:"details,omitempty"`
}

func encodeEvent(e *eventlog.Event) (string, error) {
	s := storedEvent{
		Type: e.Type, Description: e.Description, ClientID: e.ClientID, ClientName: e.ClientName,
		Connection: e.Connection, ConnectionID: e.ConnectionID, Strategy: e.Strategy, StrategyType: e.StrategyType,
		UserID: e.UserID, UserName: e.UserName, Audience: e.Audience, Scope: e.Scope,
		IP: e.Origin.IP, ClientIP: e.Origin.ClientIP, UserAgent: e.Origin.UserAgent, Hostname: e.Origin.Hostname,
		SDK: e.Origin.SDK, Language: e.Origin.Language, RequestID: e.Origin.RequestID,
	}
	if e.Details != nil {
		details, err := json.Marshal(e.Details)
		if err != nil {
			return "", fmt.Errorf("encode the details of a log event: %w", err)
		}
		raw := json.RawMessage(details)
		s.Details = &raw
	}
	return encode(&s)
}

func decodeEvent(document string) (eventlog.Event, error) {
	var s storedEvent
	if err := decode(document, &s); err != nil {
		return eventlog.Event{}, err
	}
	e := eventlog.Event{
		Type: s.Type, Description: s.Description, ClientID: s.ClientID, ClientName: s.ClientName,
		Connection: s.Connection, ConnectionID: s.ConnectionID, Strategy: s.Strategy, StrategyType: s.StrategyType,
		UserID: s.UserID, UserName: s.UserName, Audience: s.Audience, Scope: s.Scope,
		Origin: eventlog.Origin{
			IP: s.IP, ClientIP: s.ClientIP, UserAgent: s.UserAgent, Hostname: s.Hostname, SDK: s.SDK,
			Language: s.Language, RequestID: s.RequestID,
		},
	}
	if s.Details != nil {
		if err := json.Unmarshal(*s.Details, &e.Details); err != nil {
			return eventlog.Event{}, fmt.Errorf("decode the details of a log event: %w", err)
		}
	}
	return e, nil
}

// mostLogsAtOnce keeps the parameters of one statement few.
const mostLogsAtOnce = 50

// InsertEvents implements eventlog.Store.
func (db *DB) InsertEvents(ctx context.Context, tenantID string, events []eventlog.Event, stamp eventlog.Stamp) error {
	if len(events) > mostLogsAtOnce {
		return db.InTx(ctx, func(ctx context.Context) error {
			if err := db.InsertEvents(ctx, tenantID, events[:mostLogsAtOnce], stamp); err != nil {
				return err
			}
			return db.InsertEvents(ctx, tenantID, events[mostLogsAtOnce:], stamp)
		})
	}
	if len(events) == 0 {
		return nil
	}
	const columns = 5
	args := make([]any, 1+columns*len(events))
	args[0] = tenantID
	for i := range events {
		document, err := encodeEvent(&events[i])
		if err != nil {
			return err
		}
		copy(args[1+columns*i:], []any{"", string(events[i].Type), events[i].UserID, int64(0), document})
	}
	return db.queueAll(ctx, &engine.Statement{
		SQL: tuples(insertLogs, len(events), columns, 2, "$1, ", ""), Args: args,
		Stamp: func() {
			for row := args[1:]; len(row) > 0; row = row[columns:] {
				id, at := stamp()
				row[0], row[3] = id, clock.Millis(at)
			}
		},
	})
}

// Event implements eventlog.Store.
func (db *DB) Event(ctx context.Context, tenantID, id string) (*eventlog.Record, error) {
	all, err := db.eventsOf(ctx, selectLog, tenantID, id)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// Events implements eventlog.Store.
func (db *DB) Events(ctx context.Context, tenantID string, c eventlog.Criteria, limit int) ([]eventlog.Record, error) {
	sql, args := listLogs(tenantID, c, limit)
	return db.eventsOf(ctx, sql, args...)
}

// listLogs writes the question for a list of events.
func listLogs(tenantID string, c eventlog.Criteria, limit int) (sql string, args []any) {
	n := &named{args: []any{tenantID, limit}}
	n.ifSet("user_id", c.UserID)
	if c.UserID != "" {
		n.sql.WriteString(` AND user_id <> ''`) // the condition of the index, which leaves out events without a user
	}
	n.ifSet("type", string(c.Type))
	if c.From != "" {
		n.compares("log_id >=", c.From)
	}
	if c.Until != "" {
		n.compares("log_id <", c.Until)
	}
	order := " ORDER BY log_id DESC LIMIT $2"
	if c.Ascending {
		order = " ORDER BY log_id LIMIT $2"
	}
	return selectLogs + n.sql.String() + order, n.args
}

func (db *DB) eventsOf(ctx context.Context, sql string, args ...any) ([]eventlog.Record, error) {
	var all []eventlog.Record
	err := db.read(ctx, &engine.Statement{SQL: sql, Args: args, Row: func(r engine.Row) error {
		var record eventlog.Record
		var at int64
		var document string
		err := r.Scan(&record.ID, &at, &document)
		if err != nil {
			return err
		}
		record.Date = clock.FromMillis(at)
		record.Event, err = decodeEvent(document)
		all = append(all, record)
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("list log events: %w", err)
	}
	return all, nil
}

// CountByDay implements eventlog.Store.
func (db *DB) CountByDay(ctx context.Context, tenantID, from, until string, types ...eventlog.Type) ([]eventlog.DayCount, error) {
	var all []eventlog.DayCount
	questions := make([]*engine.Statement, len(types))
	for i, typ := range types {
		questions[i] = &engine.Statement{SQL: countLogs, Args: []any{tenantID, string(typ), from, until}, Row: func(r engine.Row) error {
			c := eventlog.DayCount{Type: typ}
			err := r.Scan(&c.Day, &c.Count)
			all = append(all, c)
			return err
		}}
	}
	if err := db.read(ctx, questions...); err != nil {
		return nil, fmt.Errorf("count log events: %w", err)
	}
	return all, nil
}

// DeleteEventsBefore implements eventlog.Store.
func (db *DB) DeleteEventsBefore(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := db.deletePerTenant(ctx, deleteLogs, limit, clock.Millis(before))
	if err != nil {
		return n, fmt.Errorf("delete old log events: %w", err)
	}
	return n, nil
}

// deletePerTenant runs a deletion for one tenant after the other until limit rows are deleted. The statement's parameters
// are the tenant, what is given, and how many rows it may delete.
func (db *DB) deletePerTenant(ctx context.Context, sql string, limit int, arg any) (int, error) {
	var tenants []string
	err := db.read(ctx, &engine.Statement{SQL: selectTenantIDs, Row: func(r engine.Row) error {
		var id string
		err := r.Scan(&id)
		tenants = append(tenants, id)
		return err
	}})
	if err != nil {
		return 0, err
	}
	deleted := 0
	for _, id := range tenants {
		if deleted >= limit {
			break
		}
		n, err := db.exec(ctx, sql, id, arg, limit-deleted)
		if err != nil {
			return deleted, err
		}
		deleted += int(n)
	}
	return deleted, nil
}
