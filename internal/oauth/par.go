package oauth

import (
	"context"
	"errors"
	"strings"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/authn"
	"latchkey/internal/clientauth"
	"latchkey/internal/eventlog"
	"latchkey/internal/tenant"
)

// Refusals of Push.
var (
	// ErrPARDisabled is the answer where the tenant has pushed requests switched off.
	ErrPARDisabled = apierr.New(apierr.NotFound, "par_disabled", "This endpoint is disabled for your tenant.")
	// ErrPublicClient is the answer to a client that cannot prove itself where it must.
	ErrPublicClient = apierr.New(apierr.Unauthorized, "public_client", "Client authentication is required")
)

// maxExt is how many ext- parameters a pushed request keeps (Auth0 docs, "Authorization Code Flow with PAR").
const maxExt = 10

// knownParams are the parameters that a pushed request keeps.
var knownParams = append([]string{"id_token_hint", "screen_hint", "owp", "organization", "invitation", "request"}, thirdPartyParams...)

// Push keeps an authorization request for its client (RFC 9126) and gives its request_uri. Errors are *Error for a request
// that /authorize would refuse.
func (s *Server) Push(ctx context.Context, site tenant.Site, p clientauth.Presented, params map[string]string, origin eventlog.Origin) (uri string, life time.Duration, err error) {
	if !site.Tenant.Settings.PAR() {
		return "", 0, ErrPARDisabled
	}
	proven, err := s.c.ClientAuth.Authenticate(ctx, site, p)
	if err != nil {
		return "", 0, err
	}
	if !proven.Authenticated {
		return "", 0, ErrPublicClient
	}
	kept := keep(params)
	kept["client_id"] = proven.Client.ID
	if _, nested := params["request_uri"]; nested {
		err = protocolError("invalid_request", "request_uri cannot be pushed")
	} else {
		err = s.validate(ctx, site, kept)
	}
	var protocol *Error
	if errors.As(err, &protocol) {
		event := s.c.Door.Event(authn.Entry{Site: site, Client: proven.Client, Origin: origin}, eventlog.FailedPAR, protocol.Description)
		return "", 0, errors.Join(protocol, s.c.Log.Write(ctx, site.Tenant.ID, event))
	}
	if err != nil {
		return "", 0, err
	}
	return s.c.Grants.Push(ctx, site.Tenant.ID, proven.Client.ID, kept)
}

// validate reads a request as /authorize will.
func (s *Server) validate(ctx context.Context, site tenant.Site, params map[string]string) error {
	a := &asked{params: params}
	if err := s.readClient(ctx, site, a); err != nil {
		return err
	}
	for _, check := range []func() error{
		a.readCallback, a.readMode,
		func() error { return a.readDetails(site) },
		func() error { return s.readHint(ctx, site, a) },
		func() error { return s.readTargets(ctx, site, a) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// keep drops what is no parameter of an authorization request, client authentication above all.
func keep(params map[string]string) map[string]string {
	kept := map[string]string{}
	ext := 0
	for name, value := range params {
		if strings.HasPrefix(name, "ext-") {
			if ext++; ext > maxExt {
				continue
			}
			kept[name] = value
			continue
		}
		for _, known := range knownParams {
			if name == known && name != "request_uri" {
				kept[name] = value
			}
		}
	}
	return kept
}
