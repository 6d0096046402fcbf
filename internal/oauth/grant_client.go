package oauth

import (
	"context"
	"errors"
	"slices"
	"strings"

	"latchkey/internal/eventlog"
	"latchkey/internal/resourceserver"
)

// exchangeClientCredentials gives a client a token of its own (RFC 6749 section 4.4). It needs a client grant for the
// audience; without asked scopes it gets all that are granted.
func (s *Server) exchangeClientCredentials(ctx context.Context, x *exchange) (TokenResponse, error) {
	g, err := s.clientGrant(ctx, x)
	if err != nil {
		return TokenResponse{}, s.failed(ctx, x, eventlog.FailedClientCreds, err)
	}
	event := s.c.Door.Event(x.entry(), eventlog.ClientCredentials, "Client Credentials for Access Token")
	event.Audience, event.Scope = g.Target.Identifier, scopeText(g.Scope)
	if err := s.c.Log.Write(ctx, x.Site.Tenant.ID, event); err != nil {
		return TokenResponse{}, err
	}
	return s.tokens(ctx, g)
}

func (s *Server) clientGrant(ctx context.Context, x *exchange) (Grant, error) {
	if !x.authenticated {
		return Grant{}, ErrGrantNotAllowed
	}
	t, err := s.askedTarget(ctx, x.Site, x.Audience, "Service not enabled within domain: %s")
	if err != nil {
		return Grant{}, err
	}
	if t.api == nil {
		return Grant{}, protocolError("access_denied", "Non-global clients are not allowed access to APIv1")
	}
	cg, err := s.c.APIs.ClientGrant(ctx, x.Site.Tenant.ID, x.client.ID, t.audience)
	if errors.Is(err, resourceserver.ErrNotFound) {
		return Grant{}, protocolError("access_denied",
			`Client is not authorized to access "%s". You need to create a "client-grant" associated to this API.`, t.audience)
	}
	if err != nil {
		return Grant{}, err
	}
	scope := cg.Scopes
	if len(x.Scope) > 0 {
		var refused []string
		for _, one := range x.Scope {
			if !slices.Contains(cg.Scopes, one) {
				refused = append(refused, one)
			}
		}
		if len(refused) > 0 {
			return Grant{}, protocolError("access_denied", "Client has not been granted scopes: %s", strings.Join(refused, ", "))
		}
		scope = x.Scope
	}
	return Grant{Site: x.Site, Client: x.client, Scope: scope, Target: t.api, GrantType: "client-credentials"}, nil
}
