package mgmtapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"latchkey/internal/connection"
	"latchkey/internal/resource"
)

// deleteConnection deletes a connection with its users. By one commit the connection disappears for everybody and its name
// is set aside; then its users go, some in each commit. The name is free again when no node can know the connection any more
// (account.FinishDeletion), so that nobody who was made at the last moment comes back as a user of the next connection.
func deleteConnection(r *request) (answer, error) {
	id := r.path("id")
	var gone *resource.Resource
	a, err := r.commit(func(ctx context.Context) (answer, error) {
		gone = nil
		stored, err := connections.find(r, ctx, id)
		if errors.Is(err, errNoConnection) {
			return answer{status: http.StatusNoContent}, nil
		}
		if err != nil {
			return answer{}, err
		}
		if err := r.Resources.DeleteResource(ctx, r.tenantID(), resource.Connections, id); err != nil {
			return answer{}, err
		}
		gone = &resource.Resource{
			Kind: resource.DeletedConnections, ID: id, Key: stored.Key, Document: resource.Document{"strategy": stored.Document["strategy"]},
			CreatedAt: r.now(), UpdatedAt: r.now(),
		}
		if err := r.Resources.CreateResource(ctx, r.tenantID(), gone); err != nil {
			return answer{}, err
		}
		return answer{status: http.StatusAccepted, body: resource.Document{"deleted_at": stamp(r.now())}}, nil
	})
	if err != nil || gone == nil {
		return a, err
	}
	return a, r.Accounts.DeleteAllAt(context.WithoutCancel(r.ctx()), r.tenantID(), gone.Key)
}

// errNameWait refuses a name whose connection is still being deleted.
var errNameWait = conflict("A connection with the same name is being deleted, try again later")

// freeName waits until the name of a deleted connection may be used again, where there is one.
func (r *request) freeName(name string) error {
	gone, err := r.Resources.ResourceByKey(r.ctx(), r.tenantID(), resource.DeletedConnections, name)
	if errors.Is(err, resource.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if wait := r.Accounts.DeletionWait(gone); wait > 0 {
		select {
		case <-time.After(wait):
		case <-r.ctx().Done():
			return errNameWait
		}
	}
	return r.Accounts.FinishDeletion(r.ctx(), r.tenantID(), gone)
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
	return r.commitUser(func(context.Context) (answer, error) { return noContent() })
}
