package job

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"

	"latchkey/internal/account"
	"latchkey/internal/connection"
	"latchkey/internal/contact"
	"latchkey/internal/password"
	"latchkey/internal/user"
)

const (
	// importBatch is how many users one commit imports.
	importBatch = 100
	// countedBetween is how many users are counted between two signs of life.
	countedBetween = 20_000
)

// notJSON is why a file was not imported, in the service's words.
const notJSON = failure("Failed to parse users file JSON when importing users. Make sure it is valid JSON.")

// importing is one run of an import.
type importing struct {
	*run
	connection *connection.Connection
	// seen are digests of the addresses and ids that the file has named so far. It is kept where users are updated:
	// there a second entry would update what the first one made, which storage cannot tell from what it should do.
	seen map[[16]byte]bool
}

// importUsers goes on with an import where it stopped.
func (r *run) importUsers(ctx context.Context) error {
	c, err := r.target(ctx)
	if err != nil {
		return err
	}
	i := &importing{run: r, connection: c, seen: map[[16]byte]bool{}}
	if r.job.Progress.Total == 0 {
		if err := i.count(ctx); err != nil {
			return err
		}
	}
	if err := i.all(ctx); err != nil {
		return err
	}
	return r.end(ctx, Completed, "")
}

// count reads the whole file, so that one which is no JSON array imports nobody, and writes down how many users it has.
func (i *importing) count(ctx context.Context) error {
	total := 0
	err := i.each(ctx, func(json.RawMessage) error {
		if total++; total%countedBetween == 0 {
			return i.save(ctx, func(*Job) {}, nil)
		}
		return nil
	})
	if err != nil || total == 0 {
		return err
	}
	return i.save(ctx, func(j *Job) { j.Progress.Total = total }, nil)
}

// all imports the users that no commit has seen yet.
func (i *importing) all(ctx context.Context) error {
	at := 0
	var batch []*record
	flush := func() error {
		if err := i.proceed(ctx); err != nil || len(batch) == 0 {
			return err
		}
		err := i.commit(ctx, batch)
		batch = batch[:0]
		return err
	}
	done := i.job.Progress.Done
	err := i.each(ctx, func(raw json.RawMessage) error {
		at++
		if at <= done && !i.job.Upsert {
			return nil
		}
		r := readRecord(raw)
		i.twice(r)
		if at <= done {
			return nil
		}
		if batch = append(batch, r); len(batch) < importBatch {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// each gives the elements of the file to visit.
func (i *importing) each(ctx context.Context, visit func(json.RawMessage) error) error {
	file := i.file(ctx, i.job, Input)
	d := json.NewDecoder(file)
	broken := func(err error) error {
		if file.failed != nil {
			return file.failed
		}
		if err != nil {
			return notJSON
		}
		return nil
	}
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return broken(errors.Join(err, notJSON))
	}
	for d.More() {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return broken(err)
		}
		if err := visit(raw); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return broken(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return broken(errors.Join(err, notJSON))
	}
	return nil
}

// twice marks a user that stands in the file before. Where nobody is updated, storage refuses it.
func (i *importing) twice(r *record) {
	if !i.job.Upsert || len(r.errors) > 0 {
		return
	}
	keys := []string{"email " + r.email()}
	if r.UserID != "" {
		keys = append(keys, "id "+r.UserID)
	}
	for _, key := range keys {
		sum := sha256.Sum256([]byte(key))
		short := [16]byte(sum[:16])
		if i.seen[short] {
			r.refuse(codeDuplicated, "The user stands in the file more than once", "")
		}
		i.seen[short] = true
	}
}

// commit imports some users in one commit, or, when they are in each other's way or in somebody else's, one by one.
func (i *importing) commit(ctx context.Context, batch []*record) error {
	err := i.once(ctx, batch)
	if !errors.Is(err, user.ErrExists) && !errors.Is(err, user.ErrChanged) {
		return err
	}
	if len(batch) > 1 {
		for n := range batch {
			if err := i.commit(ctx, batch[n:n+1]); err != nil {
				return err
			}
		}
		return nil
	}
	// What was decided on is no longer so: decide again, and take it as it is when that does not help either.
	err = i.once(ctx, batch)
	if errors.Is(err, user.ErrExists) || errors.Is(err, user.ErrChanged) {
		batch[0].refuse(i.conflict())
		err = i.once(ctx, batch)
	}
	return err
}

// conflict is what is wrong with a user whose id, address, name or number is another's.
func (i *importing) conflict() (code, message, path string) {
	if i.job.Upsert {
		return codeConflict, "The user_id, username or phone_number belongs to another user", ""
	}
	return codeDuplicated, "The user already exist and upsert parameter is false", ""
}

// once decides on each of some users and commits the lot with the progress.
func (i *importing) once(ctx context.Context, batch []*record) error {
	var writes []func(context.Context) error
	var refused []UserError
	var did Summary
	for _, r := range batch {
		d, err := i.decide(ctx, r)
		switch {
		case err != nil:
			return err
		case d.write == nil:
			did.Failed++
		case d.update:
			did.Updated++
		default:
			did.Inserted++
		}
		if d.write != nil {
			writes = append(writes, d.write)
		}
		if len(d.errors) > 0 {
			refused = append(refused, UserError{User: r.shown(), Errors: d.errors})
		}
	}
	var list *Chunk
	if len(refused) > 0 {
		text, err := json.Marshal(refused)
		if err != nil {
			return fmt.Errorf("write the errors of an import: %w", err)
		}
		sealed, err := Chunk{Stream: Errors, Number: i.job.Progress.Chunks, Content: text}.Seal(i.Keys, i.job.key())
		if err != nil {
			return err
		}
		list = &sealed
	}
	return i.save(ctx, func(j *Job) {
		j.Progress.Done += len(batch)
		j.Summary.Failed += did.Failed
		j.Summary.Updated += did.Updated
		j.Summary.Inserted += did.Inserted
		if list != nil {
			j.Progress.Chunks++
		}
	}, func(ctx context.Context) error {
		for _, write := range writes {
			if err := write(ctx); err != nil {
				return err
			}
		}
		if list == nil {
			return nil
		}
		return i.Store.AddChunk(ctx, i.job.TenantID, i.job.ID, *list)
	})
}

// decision is what becomes of one user of the file.
type decision struct {
	write  func(ctx context.Context) error // nil where nothing is written
	update bool
	errors []ImportError
}

// decide looks at what is there. Its error is one of storage; what is wrong with the user is in the decision.
func (i *importing) decide(ctx context.Context, r *record) (decision, error) {
	if len(r.errors) > 0 {
		return decision{errors: r.errors}, nil
	}
	if i.job.Upsert {
		if d, found, err := i.update(ctx, r); found || err != nil {
			return d, err
		}
	}
	create := r.Create
	create.Connection, create.PasswordHash, create.Imported = i.connection.Name, r.hash, true
	change, err := i.Accounts.Create(ctx, i.job.TenantID, create)
	switch {
	case errors.Is(err, user.ErrExists):
		code, message, path := i.conflict()
		return decision{errors: []ImportError{{code, message, path}}}, nil
	case err != nil:
		wrong, known := refusal(err)
		if !known {
			return decision{}, err
		}
		return decision{errors: []ImportError{wrong}}, nil
	}
	return decision{write: change.Commit, errors: r.notices()}, nil
}

// update decides on a user who is there already, found by the e-mail address. Of what the file says it takes what may be
// updated (Auth0 docs, "Bulk User Import Database Schema and Examples"); metadata are replaced and not merged.
func (i *importing) update(ctx context.Context, r *record) (d decision, found bool, err error) {
	stored, _, err := i.Users.Find(ctx, i.job.TenantID, i.connection.Name, r.email())
	if err != nil || stored == nil {
		return d, false, err
	}
	if stored.Identities[0].Connection != i.connection.Name {
		return decision{errors: []ImportError{{codeConflict, "The address belongs to a linked identity of another user", "email"}}}, true, nil
	}
	u := *stored
	u.UpdatedAt = i.Clock.Now()
	for _, m := range []struct {
		name   string
		member *string
		value  string
	}{
		{"name", &u.Name, r.Name}, {"nickname", &u.Nickname, r.Nickname}, {"given_name", &u.GivenName, r.GivenName},
		{"family_name", &u.FamilyName, r.FamilyName}, {"picture", &u.Picture, r.Picture},
	} {
		if r.gives(m.name) {
			*m.member = m.value
		}
	}
	if r.gives("email_verified") {
		u.EmailVerified = r.EmailVerified
	}
	if r.gives("user_metadata") {
		u.UserMetadata = withoutNull(r.UserMetadata)
	}
	if r.gives("app_metadata") {
		u.AppMetadata = withoutNull(r.AppMetadata)
	}
	// An imported password may be corrected until it has been used.
	if r.gives("custom_password_hash") && u.LoginsCount == 0 && u.LastPasswordReset.IsZero() {
		u.Password = r.hash
	}
	return decision{update: true, errors: r.notices(), write: func(ctx context.Context) error {
		return i.Users.UpdateUser(ctx, i.job.TenantID, &u)
	}}, true, nil
}

// withoutNull gives metadata as they are stored: a member that is null is none.
func withoutNull(metadata map[string]any) map[string]any {
	maps.DeleteFunc(metadata, func(_ string, value any) bool { return value == nil })
	return metadata
}

// canonical gives an address in the form in which users are found; as it is where it is none.
func canonical(email string) string {
	if c, err := contact.Email(email); err == nil {
		return c
	}
	return email
}

// stored gives the hash that a user of the file brings, or what is wrong with it.
func (r *record) stored() (user.Password, *password.ImportError) {
	var hash user.Password
	var err error
	path := "custom_password_hash"
	switch {
	case r.PasswordHash != "":
		hash, err = password.ImportBcrypt(r.PasswordHash)
		path = "password_hash"
	case r.CustomPasswordHash != nil:
		hash, err = password.Import(*r.CustomPasswordHash)
	}
	var wrong *password.ImportError
	if errors.As(err, &wrong) {
		if wrong.Path != "" {
			path += "." + wrong.Path
		}
		return "", &password.ImportError{Path: path, Message: wrong.Message}
	}
	return hash, nil
}

var _ Accounts = (*account.Accounts)(nil)
