package mgmtapi

import (
	"context"
	"net/http"

	"latchkey/internal/eventlog"
	"latchkey/internal/web/httpx"
)

// commit writes what do writes of the tenant's configuration in one transaction, together with the log event of the call.
// What is slow (hashing, keys, checks of templates) has been done before. Do may run again. From its beginning on nobody
// else writes to the tenant's configuration, so what do reads and checks is still so when it is written.
func (r *request) commit(do func(ctx context.Context) (answer, error)) (answer, error) {
	return r.commitUser(func(ctx context.Context) (answer, error) {
		if err := r.Resources.LockConfiguration(ctx, r.tenantID()); err != nil {
			return answer{}, err
		}
		return do(ctx)
	})
}

// commitUser is commit for what is no configuration: users and what belongs to them, jobs, sessions.
func (r *request) commitUser(do func(ctx context.Context) (answer, error)) (answer, error) {
	var a answer
	err := r.Tx.InTx(r.ctx(), func(ctx context.Context) (err error) {
		if a, err = do(ctx); err != nil {
			return err
		}
		return r.Log.Write(ctx, r.tenantID(), r.event(eventlog.APIOperation, a))
	})
	if err != nil {
		return answer{}, err
	}
	return a, nil
}

// disclosed writes the event of an answer that holds secrets.
func (r *request) disclosed(a answer) error {
	return r.Log.Write(r.ctx(), r.tenantID(), r.event(eventlog.APIRead, a))
}

// event is a call as the tenant's log keeps it (Auth0 docs, "Log Event Type Codes": sapi, mgmt_api_read).
func (r *request) event(typ eventlog.Type, a answer) eventlog.Event {
	origin := httpx.OriginOf(r.http)
	query := map[string]any{}
	for name, values := range r.http.URL.Query() {
		query[name] = values[0]
	}
	path := r.http.URL.Path
	request := map[string]any{
		"method": lower(r.http.Method), "path": path, "query": query, "body": masked(r.body), "channel": "api",
		"ip": origin.IP, "userAgent": origin.UserAgent,
		"auth": map[string]any{
			"credentials": map[string]any{"jti": r.token.ID, "scopes": r.token.Scopes}, "strategy": "jwt",
			"user": map[string]any{"user_id": r.token.UserID},
		},
	}
	response := map[string]any{"statusCode": a.status, "body": masked(a.body)}
	if typ == eventlog.APIRead {
		delete(response, "body")
	}
	return eventlog.Event{
		Type: typ, Description: r.route.title, ClientID: r.token.ClientID, UserID: r.token.UserID, Origin: origin,
		Details: bounded(map[string]any{"request": request, "response": response}),
	}
}

func lower(method string) string {
	switch method {
	case http.MethodPost:
		return "post"
	case http.MethodPatch:
		return "patch"
	case http.MethodPut:
		return "put"
	case http.MethodDelete:
		return "delete"
	}
	return "get"
}
