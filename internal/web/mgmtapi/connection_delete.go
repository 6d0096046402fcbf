package mgmtapi

import (
	"context"
	"errors"
	"net/http"

	"latchkey/internal/connection"
	"latchkey/internal/resource"
)

// deleteConnection deletes a connection with its users. The connection disappears for everybody by one commit; then its
// users go, some in each commit; the record goes last. What a crash leaves is finished by the next deletion of the same
// connection, and its name stays taken until then.
func deleteConnection(r *request) (answer, error) {
	id := r.path("id")
	hidden, err := r.again(func() (answer, error) {
		return r.commit(func(ctx context.Context) (answer, error) {
			stored, err := connections.find(r, ctx, id)
			if errors.Is(err, errNoConnection) {
				return answer{status: http.StatusNoContent}, nil
			}
			if err != nil {
				return answer{}, err
			}
			stored.Document["$deleting"] = true
			stored.UpdatedAt = r.now()
			if err := r.Resources.UpdateResource(ctx, r.tenantID(), stored); err != nil {
				return answer{}, err
			}
			return answer{status: http.StatusAccepted, body: resource.Document{"deleted_at": stamp(r.now())}}, nil
		})
	})
	if err != nil || hidden.status == http.StatusNoContent {
		return hidden, err
	}
	ctx := context.WithoutCancel(r.ctx())
	stored, err := connections.find(r, ctx, id)
	if err != nil {
		return answer{}, err
	}
	c := &connection.Connection{ID: stored.ID, Name: stored.Key, Strategy: connection.Strategy(text(stored.Document, "strategy"))}
	for done := false; !done; {
		if done, err = r.Accounts.DeleteSome(ctx, r.tenantID(), c); err != nil {
			return answer{}, err
		}
	}
	err = r.Resources.DeleteResource(ctx, r.tenantID(), resource.Connections, id)
	if err != nil && !errors.Is(err, resource.ErrNotFound) {
		return answer{}, err
	}
	return hidden, nil
}

// deleteConnectionUser deletes the user of a database connection who has an e-mail address.
func deleteConnectionUser(r *request) (answer, error) {
	stored, err := findConnection(r, r.ctx())
	if err != nil {
		return answer{}, err
	}
	if text(stored.Document, "strategy") != string(connection.Database) {
		return answer{}, problem{Status: 400, Code: "operation_not_supported", Message: "Connection must be a database connection"}
	}
	found, err := r.Users.UsersByEmail(r.ctx(), r.tenantID(), r.query("email"))
	if err != nil {
		return answer{}, err
	}
	for _, u := range found {
		for _, identity := range u.Identities {
			if identity.Connection == stored.Key {
				return deleteUserByID(r, u.ID)
			}
		}
	}
	return r.commit(func(context.Context) (answer, error) { return noContent() })
}
