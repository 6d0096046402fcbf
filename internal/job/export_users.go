package job

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"latchkey/internal/connection"
	"latchkey/internal/user"
)

// Format is how an export writes users.
type Format string

// The formats of exports.
const (
	JSON Format = "json" // one object a line
	CSV  Format = "csv"
)

// Field is one member of what an export writes.
type Field struct {
	Name     string `json:"name"`                // a path into the user: "email", "identities[0].connection", "user_metadata.plan"
	ExportAs string `json:"export_as,omitempty"` // its name in the file, where that is another
}

func (f Field) column() string {
	if f.ExportAs != "" {
		return f.ExportAs
	}
	return f.Name
}

// defaultFields are what an export writes that was asked for none, under the names the service gives them.
var defaultFields = []Field{
	{"user_id", "Id"}, {"given_name", "Given Name"}, {"family_name", "Family Name"}, {"nickname", "Nickname"}, {"name", "Name"},
	{"email", "Email"}, {"email_verified", "Email Verified"}, {"created_at", "Created At"}, {"updated_at", "Updated At"},
}

const (
	// maxCSVFields is how many fields a CSV file may have (Auth0 docs, "Bulk User Exports").
	maxCSVFields = 30
	// exportPage is how many users one commit exports.
	exportPage = 500
)

// checkFields refuses what a CSV file cannot have.
func checkFields(f Format, fields []Field) error {
	if f != CSV {
		return nil
	}
	if len(fields) > maxCSVFields {
		return ErrTooManyFields
	}
	for _, field := range fields {
		if field.Name == "user_metadata" || field.Name == "app_metadata" {
			return ErrWholeMetadata
		}
	}
	return nil
}

// exportUsers goes on with an export where it stopped.
func (r *run) exportUsers(ctx context.Context) error {
	sources, err := r.sources(ctx)
	if err != nil {
		return err
	}
	if r.job.Progress.Chunks == 0 {
		if err := r.begin(ctx); err != nil {
			return err
		}
	}
	for _, c := range sources {
		// Those before are done; of a connection that is no longer there the place is not meant for the next one.
		for r.job.Progress.Source <= c.ID && !r.full() {
			if err := r.proceed(ctx); err != nil {
				return err
			}
			if err := r.page(ctx, c); err != nil {
				return err
			}
		}
	}
	return r.end(ctx, Completed, "")
}

// full reports whether the export has as many users as were asked for.
func (r *run) full() bool { return r.job.Limit > 0 && r.job.Progress.Done >= r.job.Limit }

// sources gives the connections whose users are exported, in the order of their ids.
func (r *run) sources(ctx context.Context) ([]*connection.Connection, error) {
	if r.job.ConnectionID != "" {
		c, err := r.target(ctx)
		return []*connection.Connection{c}, err
	}
	all, err := r.Connections.Connections(ctx, r.job.TenantID)
	if err != nil {
		return nil, fmt.Errorf("read connections: %w", err)
	}
	byID := func(a, b *connection.Connection) int { return strings.Compare(a.ID, b.ID) }
	return slices.SortedFunc(slices.Values(all), byID), nil
}

// begin writes the first member of the file: the names of the columns, or nothing.
func (r *run) begin(ctx context.Context) error {
	var header bytes.Buffer
	if r.job.Format == CSV {
		for i, f := range r.fields() {
			if i > 0 {
				header.WriteByte(',')
			}
			header.WriteString(quoted(f.column()))
		}
		header.WriteByte('\n')
	}
	return r.add(ctx, header.Bytes(), func(*Job) {})
}

// page exports the next users of a connection.
func (r *run) page(ctx context.Context, c *connection.Connection) error {
	var after user.Position
	if r.job.Progress.Source == c.ID {
		var err error
		if after, err = parsePosition(r.job.Progress.Cursor); err != nil {
			return err
		}
	}
	users, err := r.Users.UsersOfConnection(ctx, r.job.TenantID, c.Name, after, exportPage)
	if err != nil {
		return err
	}
	if len(users) == 0 {
		return r.save(ctx, func(j *Job) { j.Progress.Source, j.Progress.Cursor = c.ID+" ", "" }, nil) // behind it in any order
	}
	var lines bytes.Buffer
	written := 0
	for _, u := range users {
		// Of all connections each user is exported once: with the one of the main identity.
		if r.job.ConnectionID == "" && u.Identities[0].Connection != c.Name {
			continue
		}
		if r.job.Limit > 0 && r.job.Progress.Done+written >= r.job.Limit {
			break
		}
		if err := r.line(&lines, u); err != nil {
			return err
		}
		written++
	}
	last := users[len(users)-1].Position()
	return r.add(ctx, lines.Bytes(), func(j *Job) {
		j.Progress.Done += written
		j.Progress.Source, j.Progress.Cursor = c.ID, positionText(last)
	})
}

// add commits a further member of the file with the progress.
func (r *run) add(ctx context.Context, content []byte, change func(j *Job)) error {
	member, err := compress(content)
	if err != nil {
		return err
	}
	chunk, err := Chunk{Stream: Output, Number: r.job.Progress.Chunks, Content: member}.Seal(r.Keys, r.job.key())
	if err != nil {
		return err
	}
	return r.save(ctx, func(j *Job) {
		change(j)
		j.Progress.Chunks++
	}, func(ctx context.Context) error {
		return r.Store.AddChunk(ctx, r.job.TenantID, r.job.ID, chunk)
	})
}

func (r *run) fields() []Field {
	if len(r.job.Fields) == 0 {
		return defaultFields
	}
	return r.job.Fields
}

// line writes one user.
func (r *run) line(b *bytes.Buffer, u *user.User) error {
	profile, err := document(u)
	if err != nil {
		return err
	}
	if r.job.Format == CSV {
		for i, f := range r.fields() {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(cell(f.Name, find(profile, f.Name)))
		}
		b.WriteByte('\n')
		return nil
	}
	b.WriteByte('{')
	first := true
	for _, f := range r.fields() {
		value := find(profile, f.Name)
		if value == nil {
			continue
		}
		name, err := json.Marshal(f.column())
		if err != nil {
			return err
		}
		text, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("write a user: %w", err)
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		b.Write(name)
		b.WriteByte(':')
		b.Write(text)
	}
	b.WriteString("}\n")
	return nil
}

// document gives a user as paths look into it: the members that the Management API shows.
func document(u *user.User) (map[string]any, error) {
	text, err := json.Marshal(u)
	if err != nil {
		return nil, fmt.Errorf("write a user: %w", err)
	}
	var d map[string]any
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("write a user: %w", err)
	}
	delete(d, "claims")
	delete(d, "block_decided")
	d["email_verified"] = u.EmailVerified
	d["created_at"], d["updated_at"] = wireTime(u.CreatedAt), wireTime(u.UpdatedAt)
	if u.PhoneNumber != "" {
		d["phone_verified"] = u.PhoneVerified
	}
	if u.Blocked || u.BlockDecided {
		d["blocked"] = u.Blocked
	}
	if u.LoginsCount > 0 {
		d["logins_count"], d["last_login"], d["last_ip"] = u.LoginsCount, wireTime(u.LastLogin), u.LastIP
	}
	if !u.LastPasswordReset.IsZero() {
		d["last_password_reset"] = wireTime(u.LastPasswordReset)
	}
	return d, nil
}

func wireTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// find follows a path such as identities[0].connection or user_metadata.plan; a name with a dot in it is found as well.
func find(value any, path string) any {
	if object, isObject := value.(map[string]any); isObject {
		if found, there := object[path]; there {
			return found
		}
	}
	head, rest, more := strings.Cut(path, ".")
	name, index, indexed := strings.Cut(head, "[")
	object, _ := value.(map[string]any)
	found := object[name]
	if indexed {
		list, _ := found.([]any)
		n, err := strconv.Atoi(strings.TrimSuffix(index, "]"))
		if err != nil || n < 0 || n >= len(list) {
			return nil
		}
		found = list[n]
	}
	if !more {
		return found
	}
	return find(found, rest)
}

// cell writes a value for a CSV file. Text gets an apostrophe in front, so that no spreadsheet takes it for a formula; the
// times that we made ourselves cannot be one.
func cell(name string, value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		if slices.Contains([]string{"created_at", "updated_at", "last_login", "last_password_reset"}, name) {
			return v
		}
		return quoted("'" + v)
	case map[string]any, []any:
		return quoted("'" + encoded(v))
	default:
		return encoded(v)
	}
}

func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// positionText writes where a page ended.
func positionText(p user.Position) string {
	return strconv.FormatInt(p.CreatedAt.UnixMilli(), 10) + " " + p.ID
}

func parsePosition(text string) (p user.Position, err error) {
	if text == "" {
		return p, nil
	}
	at, id, _ := strings.Cut(text, " ")
	ms, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return p, fmt.Errorf("read the progress of an export: %w", err)
	}
	return user.Position{CreatedAt: time.UnixMilli(ms).UTC(), ID: id}, nil
}
