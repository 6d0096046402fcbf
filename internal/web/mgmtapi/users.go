package mgmtapi

import (
	"context"

	"latchkey/internal/account"
	"latchkey/internal/web/httpx"
)

// Users: Auth0 docs, "Management API v2: Users".

func (a *api) users() []route {
	return []route{
		{"DELETE /users/{id}", "Delete a User", anyOf("delete:users", "delete:current_user"), deleteUser},
	}
}

// by tells the log who changes a user.
func (r *request) by() account.By {
	return account.By{ClientID: r.token.ClientID, Origin: httpx.OriginOf(r.http)}
}

func deleteUser(r *request) (answer, error) { return deleteUserByID(r, r.path("id")) }

// deleteUserByID deletes a user; one who is not there is deleted already.
func deleteUserByID(r *request, id string) (answer, error) {
	return r.changeUser(func() (*account.Change, error) {
		return r.Accounts.Delete(r.ctx(), r.tenantID(), id, r.by())
	}, func(*account.Change) (answer, error) { return noContent() })
}

// changeUser decides a change of a user, writes it and answers; a change that lost a race is decided again.
func (r *request) changeUser(decide func() (*account.Change, error), show func(*account.Change) (answer, error)) (answer, error) {
	return r.again(func() (answer, error) {
		change, err := decide()
		if err != nil {
			return answer{}, err
		}
		return r.commit(func(ctx context.Context) (answer, error) {
			if err := change.Commit(ctx); err != nil {
				return answer{}, err
			}
			return show(change)
		})
	})
}
