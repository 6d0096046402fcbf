package mgmtapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"latchkey/internal/account"
	"latchkey/internal/resource"
	"latchkey/internal/session"
)

// Sessions: Auth0 docs, "Manage User Sessions with Auth0 Management API". What is named by an id here opens nothing.

func (a *api) sessions() []route {
	return []route{
		{"GET /sessions/{id}", "Get session", anyOf("read:sessions"), getSession},
		{"PATCH /sessions/{id}", "Update session", anyOf("update:sessions"), updateSession},
		{"DELETE /sessions/{id}", "Delete session", anyOf("delete:sessions"), deleteSession},
		{"POST /sessions/{id}/revoke", "Revoke session", allOf("delete:sessions", "delete:refresh_tokens"), revokeSession},

		{"GET /users/{user_id}/sessions", "Get sessions for user", anyOf("read:sessions"), listUserSessions},
		{"DELETE /users/{user_id}/sessions", "Delete sessions for user", anyOf("delete:sessions"), deleteUserSessions},
		{"POST /users/{id}/revoke-access", "Revokes selected resources from a user", allOf("delete:sessions", "delete:refresh_tokens"), revokeAccess},
	}
}

// accepted answers what is done, and might have been done later.
func accepted() (answer, error) { return answer{status: http.StatusAccepted}, nil }

func showSession(s *session.Session) resource.Document {
	methods := make([]any, len(s.Methods))
	for i, m := range s.Methods {
		methods[i] = resource.Document{"name": m.Name, "timestamp": stamp(m.At)}
	}
	clients := make([]any, len(s.Clients))
	for i, id := range s.Clients {
		clients[i] = resource.Document{"client_id": id}
	}
	mode := "non-persistent"
	if s.Persistent {
		mode = "persistent"
	}
	return resource.Document{
		"id": s.ID, "user_id": s.UserID, "created_at": stamp(s.CreatedAt), "updated_at": stamp(s.UpdatedAt),
		"authenticated_at": stamp(s.AuthenticatedAt), "idle_expires_at": stamp(s.IdleExpiresAt), "expires_at": stamp(s.ExpiresAt),
		"last_interacted_at": stamp(s.UsedAt), "device": showDevice(s.IP, s.UserAgent, s.LastIP, s.LastUserAgent),
		"clients": clients, "authentication": resource.Document{"methods": methods}, "cookie": resource.Document{"mode": mode},
		"session_metadata": showMetadata(s.Metadata),
	}
}

// showDevice shows where something began and where it was used last, as far as that is known.
func showDevice(ip, agent, lastIP, lastAgent string) resource.Document {
	shown := resource.Document{}
	for name, v := range map[string]string{
		"initial_ip": ip, "initial_user_agent": agent, "last_ip": lastIP, "last_user_agent": lastAgent,
	} {
		if v != "" {
			shown[name] = v
		}
	}
	return shown
}

// showMetadata shows what a tenant keeps with a session or token; null when it is nothing.
func showMetadata(metadata map[string]string) any {
	if metadata == nil {
		return nil
	}
	shown := make(resource.Document, len(metadata))
	for name, v := range metadata {
		shown[name] = v
	}
	return shown
}

// metadata reads the metadata of a payload; null is none.
func (r *request) metadata(name string) (map[string]string, error) {
	given := member(r.doc(), name)
	if given == nil {
		return nil, nil
	}
	metadata := make(map[string]string, len(given))
	for key, v := range given {
		text, isText := v.(string)
		if !isText {
			return nil, invalidBody("Payload validation error: 'Expected type string but found type %s' on property %s.%s.", typeName(v), name, key)
		}
		metadata[key] = text
	}
	return metadata, nil
}

// stampOrNull writes a time, and null for the zero one.
func stampOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}

func getSession(r *request) (answer, error) {
	found, err := r.Sessions.Get(r.ctx(), r.site.Tenant, r.path("id"))
	if err != nil {
		return answer{}, err
	}
	return ok(showSession(found))
}

func updateSession(r *request) (answer, error) {
	metadata, err := r.metadata("session_metadata")
	if err != nil {
		return answer{}, err
	}
	return r.commitUser(func(ctx context.Context) (answer, error) {
		changed, err := r.Sessions.SetMetadata(ctx, r.site.Tenant, r.path("id"), metadata)
		if err != nil {
			return answer{}, err
		}
		return ok(showSession(changed))
	})
}

// deleteSession ends a session; one that is gone has ended already.
func deleteSession(r *request) (answer, error) {
	return r.commitUser(func(ctx context.Context) (answer, error) {
		if _, err := r.Sessions.End(ctx, r.tenantID(), r.path("id")); err != nil {
			return answer{}, err
		}
		return accepted()
	})
}

// revokeSession ends a session with all that was given out in it.
func revokeSession(r *request) (answer, error) {
	found, err := r.Sessions.Get(r.ctx(), r.site.Tenant, r.path("id"))
	if err != nil {
		return answer{}, err
	}
	return r.revokeAccess(found.UserID, account.Revoke{SessionID: found.ID})
}

// revokeAccess ends what a user's sessions and tokens open.
func revokeAccess(r *request) (answer, error) {
	var what account.Revoke
	text, err := json.Marshal(r.doc())
	if err != nil {
		return answer{}, err
	}
	if err := json.Unmarshal(text, &what); err != nil {
		return answer{}, err
	}
	return r.revokeAccess(r.path("id"), what)
}

func (r *request) revokeAccess(userID string, what account.Revoke) (answer, error) {
	return r.changeUser(func() (*account.Change, error) {
		return r.Accounts.RevokeAccess(r.ctx(), r.site.Tenant, userID, what)
	}, func(*account.Change) (answer, error) { return accepted() })
}

func listUserSessions(r *request) (answer, error) {
	userID, err := r.existingUser("user_id")
	if err != nil {
		return answer{}, err
	}
	p := r.paging(defaultPage)
	after, err := r.positionText("sessions", p.from)
	if err != nil {
		return answer{}, err
	}
	found, next, err := r.Sessions.List(r.ctx(), r.site.Tenant, userID, after, p.take)
	if err != nil {
		return answer{}, err
	}
	items := make([]resource.Document, len(found))
	for i, s := range found {
		items[i] = showSession(s)
	}
	return r.wrapBehind("sessions", items, next)
}

// wrapBehind gives the answer of a checkpoint whose next position is a text.
func (r *request) wrapBehind(plural string, items []resource.Document, next string) (answer, error) {
	if next == "" {
		return wrapNext(plural, items, "")
	}
	cursor, err := r.cursorText(plural, next)
	if err != nil {
		return answer{}, err
	}
	return wrapNext(plural, items, cursor)
}

// existingUser gives the id of the user that a parameter of the path names.
func (r *request) existingUser(param string) (string, error) {
	u, err := r.Users.User(r.ctx(), r.tenantID(), r.path(param))
	if err != nil {
		return "", err
	}
	return u.ID, nil
}

func deleteUserSessions(r *request) (answer, error) {
	userID, err := r.existingUser("user_id")
	if err != nil {
		return answer{}, err
	}
	return r.commitUser(func(ctx context.Context) (answer, error) {
		if err := r.Users.EndLogins(ctx, r.tenantID(), userID, r.Clock.Now()); err != nil {
			return answer{}, err
		}
		if err := r.Sessions.EndAllOf(ctx, r.tenantID(), userID); err != nil {
			return answer{}, err
		}
		return accepted()
	})
}
