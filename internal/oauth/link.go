package oauth

import (
	"context"
	"errors"
	"maps"
	"slices"

	"latchkey/internal/client"
	"latchkey/internal/connection"
	"latchkey/internal/tenant"
	"latchkey/internal/transaction"
)

// Linked finds the client and the connection that the address of a link names; either is nil where there is none, or where
// the connection is not the client's.
func (s *Server) Linked(ctx context.Context, site tenant.Site, clientID, connectionName string) (*client.Client, *connection.Connection, error) {
	c, err := s.c.Clients.Client(ctx, site.Tenant.ID, clientID)
	if errors.Is(err, client.ErrNotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	all, err := s.c.Connections.Connections(ctx, site.Tenant.ID)
	if err != nil {
		return nil, nil, err
	}
	conn := connection.Find(all, connectionName)
	if conn == nil || !conn.EnabledFor(c.ID) {
		return c, nil, nil
	}
	return c, conn, nil
}

// LinkRequest reads the parameters of a magic link (Auth0's authParams) as the authorization request that an opened link
// answers. Where they name no callback it is the client's first, and where they name no response type it is a code.
// Errors are *Error and *Refusal, as those of an authorization request.
func (s *Server) LinkRequest(ctx context.Context, site tenant.Site, c *client.Client, conn *connection.Connection, params map[string]string) (*transaction.Request, error) {
	asked := maps.Clone(params)
	asked["client_id"], asked["connection"] = c.ID, conn.Name
	if asked["redirect_uri"] == "" && len(c.Callbacks) > 0 {
		asked["redirect_uri"] = c.Callbacks[0]
	}
	if asked["response_type"] == "" {
		asked["response_type"] = "code"
	}
	for _, name := range []string{"request_uri", "request", "prompt", "max_age", "id_token_hint", "acr_values", "login_ticket"} {
		delete(asked, name) // of a page that a link never shows
	}
	a, err := s.read(ctx, site, asked)
	if err != nil {
		return nil, err
	}
	if a.ResponseMode == modeWebMessage {
		return nil, protocolError("invalid_request", "Unsupported response mode: %s", modeWebMessage)
	}
	a.RedirectURISent = params["redirect_uri"] != ""
	return &a.Request, nil
}

// offline reports whether the proof of a login may give a refresh token. A magic link gives none (Auth0 docs, "Passwordless
// Connection Limitations"), unless the client says so and proves itself with PKCE.
func (v *visit) offline() bool {
	if v.tx == nil || v.tx.Proof == nil || !v.tx.Proof.Link {
		return true
	}
	return v.client.Own().MagicLinkOfflineAccess && v.request.Challenge != "" && slices.Equal(words(v.request.ResponseType), []string{"code"})
}
