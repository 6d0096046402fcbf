package oauth

import (
	"context"
	"errors"

	"latchkey/internal/connection"
	"latchkey/internal/session"
	"latchkey/internal/tenant"
	"latchkey/internal/user"
)

// SSO is what a login page may know of the browser's session.
type SSO struct {
	Session    *session.Session
	User       *user.User
	Connection *connection.Connection // that opened it; nil when it is gone
}

// SSO gives the live session of a browser with its user, or nil. It is asked to greet a person, not to let anybody in.
func (s *Server) SSO(ctx context.Context, site tenant.Site, b Browser) (*SSO, error) {
	live, err := s.c.Sessions.Find(ctx, site.Tenant, b.Session)
	if err != nil || live == nil {
		return nil, err
	}
	u, err := s.c.Users.User(ctx, site.Tenant.ID, live.UserID)
	if errors.Is(err, user.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if s.c.Door.Admit(u) != nil {
		return nil, nil
	}
	opener, err := s.openedBy(ctx, site, live)
	return &SSO{live, u, opener}, err
}
