package mgmtapi

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"latchkey/internal/client"
	"latchkey/internal/grant"
	"latchkey/internal/resource"
)

// Refresh tokens: Auth0 docs, "Manage Refresh Tokens with Auth0 Management API". One that rotates is shown as one token; its
// id opens nothing.

func (a *api) refreshTokens() []route {
	read, remove := anyOf("read:refresh_tokens"), anyOf("delete:refresh_tokens")
	return []route{
		{"GET /refresh-tokens", "Get refresh tokens", read, listRefreshTokens},
		{"POST /refresh-tokens/revoke", "Revoke refresh tokens", remove, revokeRefreshTokens},
		{"GET /refresh-tokens/{id}", "Get a refresh token", read, getRefreshToken},
		{"PATCH /refresh-tokens/{id}", "Update a refresh token", anyOf("update:refresh_tokens"), updateRefreshToken},
		{"DELETE /refresh-tokens/{id}", "Delete a refresh token", remove, deleteRefreshToken},

		{"GET /users/{user_id}/refresh-tokens", "Get refresh tokens for a user", read, listUserRefreshTokens},
		{"DELETE /users/{user_id}/refresh-tokens", "Delete refresh tokens for a user", remove, deleteUserRefreshTokens},
	}
}

// mostRevoked is how many refresh tokens one call revokes by their ids (ours).
const mostRevoked = 100

func (r *request) showRefreshToken(ctx context.Context, f *grant.Family) (resource.Document, error) {
	c, err := r.Clients.Client(ctx, r.tenantID(), f.ClientID)
	if err != nil && !errors.Is(err, client.ErrNotFound) {
		return nil, err
	}
	var idle any
	if c != nil {
		idle = stampOrNull(f.IdleExpiresAt(c.RefreshToken))
	}
	apis := []any{}
	if f.Audience != "" {
		apis = append(apis, resource.Document{"audience": f.Audience, "scopes": strings.Join(f.Scope, " ")})
	}
	shown := resource.Document{
		"id": f.ID, "user_id": f.UserID, "client_id": f.ClientID, "session_id": nil, "rotating": f.Rotating,
		"created_at": stamp(f.CreatedAt), "idle_expires_at": idle, "expires_at": stampOrNull(f.ExpiresAt),
		"last_exchanged_at": stampOrNull(f.ExchangedAt), "resource_servers": apis,
		"device":                 showDevice(f.First.IP, f.First.UserAgent, f.Last.IP, f.Last.UserAgent),
		"refresh_token_metadata": showMetadata(f.Metadata),
	}
	if f.SessionID != "" {
		shown["session_id"] = f.SessionID
	}
	return shown, nil
}

// refreshTokensBehind answers with the tokens that a filter names, behind a cursor.
func (r *request) refreshTokensBehind(plural string, f grant.FamilyFilter) (answer, error) {
	p := r.paging(defaultPage)
	after, err := r.positionText(plural, p.from)
	if err != nil {
		return answer{}, err
	}
	found, next, err := r.Grants.Families(r.ctx(), r.tenantID(), f, after, p.take)
	if err != nil {
		return answer{}, err
	}
	items := make([]resource.Document, len(found))
	for i, one := range found {
		if items[i], err = r.showRefreshToken(r.ctx(), one); err != nil {
			return answer{}, err
		}
	}
	return r.wrapBehind(plural, items, next)
}

func listRefreshTokens(r *request) (answer, error) {
	u, err := r.Users.User(r.ctx(), r.tenantID(), r.query("user_id"))
	if err != nil {
		return answer{}, err
	}
	return r.refreshTokensBehind("refresh_tokens", grant.FamilyFilter{UserID: u.ID, ClientID: r.query("client_id")})
}

func listUserRefreshTokens(r *request) (answer, error) {
	userID, err := r.existingUser("user_id")
	if err != nil {
		return answer{}, err
	}
	f := grant.FamilyFilter{UserID: userID}
	a, err := r.refreshTokensBehind("tokens", f)
	if err != nil || !r.queryBool("include_totals") {
		return a, err
	}
	_, total, err := r.Grants.FamiliesAt(r.ctx(), r.tenantID(), f, 0, 1)
	if body, isObject := a.body.(resource.Document); isObject {
		body["total"] = total
	}
	return a, err
}

func getRefreshToken(r *request) (answer, error) {
	found, err := r.Grants.Family(r.ctx(), r.tenantID(), r.path("id"))
	if err != nil {
		return answer{}, err
	}
	shown, err := r.showRefreshToken(r.ctx(), found)
	if err != nil {
		return answer{}, err
	}
	return ok(shown)
}

func updateRefreshToken(r *request) (answer, error) {
	metadata, err := r.metadata("refresh_token_metadata")
	if err != nil {
		return answer{}, err
	}
	return r.commitUser(func(ctx context.Context) (answer, error) {
		changed, err := r.Grants.SetFamilyMetadata(ctx, r.tenantID(), r.path("id"), metadata)
		if err != nil {
			return answer{}, err
		}
		shown, err := r.showRefreshToken(ctx, changed)
		return answer{status: http.StatusOK, body: shown}, err
	})
}

// revokeFamilies ends the tokens that a filter names and answers with a status.
func (r *request) revokeFamilies(f grant.FamilyFilter, status int) (answer, error) {
	return r.commitUser(func(ctx context.Context) (answer, error) {
		_, err := r.Grants.Revoke(ctx, r.tenantID(), f)
		return answer{status: status}, err
	})
}

// deleteRefreshToken revokes a token; one that is gone is revoked already.
func deleteRefreshToken(r *request) (answer, error) {
	return r.revokeFamilies(grant.FamilyFilter{ID: r.path("id")}, http.StatusNoContent)
}

func deleteUserRefreshTokens(r *request) (answer, error) {
	userID, err := r.existingUser("user_id")
	if err != nil {
		return answer{}, err
	}
	return r.revokeFamilies(grant.FamilyFilter{UserID: userID}, http.StatusAccepted)
}

// revokeRefreshTokens ends tokens by their ids, or all of a user, of a client, or of both, at one audience if it is named.
func revokeRefreshTokens(r *request) (answer, error) {
	d := r.doc()
	ids := texts(d, "ids")
	f := grant.FamilyFilter{UserID: text(d, "user_id"), ClientID: text(d, "client_id"), Audience: text(d, "audience")}
	switch byFilter := f != (grant.FamilyFilter{}); {
	case len(ids) > 0 && byFilter:
		return answer{}, invalidBody("Refresh tokens are named by their ids or by user, client and audience, not by both.")
	case len(ids) > mostRevoked:
		return answer{}, invalidBody("At most %d refresh tokens are revoked by their ids at once.", mostRevoked)
	case len(ids) > 0:
		return r.commitUser(func(ctx context.Context) (answer, error) {
			if _, err := r.Grants.RevokeIDs(ctx, r.tenantID(), ids); err != nil {
				return answer{}, err
			}
			return accepted()
		})
	case f.UserID == "" && f.ClientID == "":
		return answer{}, invalidBody("Name the refresh tokens by their ids, their user or their client.")
	}
	return r.revokeFamilies(f, http.StatusAccepted)
}
