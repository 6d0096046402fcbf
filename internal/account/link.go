package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/connection"
	"latchkey/internal/jwt"
	"latchkey/internal/user"
)

// Link asks for another account to become an identity of a user: named by its identity, or proven by an ID token of it.
type Link struct {
	Provider     connection.Strategy `json:"provider"`
	UserID       string              `json:"user_id"` // with or without the provider
	ConnectionID string              `json:"connection_id"`
	LinkWith     Token               `json:"link_with"`
}

// Token is an ID token. It hides itself from logs.
type Token string

// String hides the token.
func (Token) String() string { return "[token]" }

// Caller is what the calling token says of who links.
type Caller struct {
	Issuer   string
	ClientID string // "azp"
}

// The refusals of linking.
var (
	errNotConfigured = apierr.New(apierr.Invalid, codeBody, "The provider/connection is not configured.")
	errSameIdentity  = apierr.New(apierr.Invalid, codeBody, "Main identity and the new one are the same.")
	errNeedsOne      = apierr.New(apierr.Invalid, codeBody, "Linking to an inexistent identity requires a connection.")
	errInexistent    = apierr.New(apierr.Invalid, codeBody, "Linking to an inexistent identity is not allowed.")
	errUnable        = apierr.New(apierr.Invalid, codeBody, "Unable to link with the secondary account.")
	errNoSecondary   = apierr.New(apierr.Invalid, codeBody, "Provided secondary account not found.")

	errLinkToken     = apierr.New(apierr.Invalid, codeBody, "Invalid token (link_with).")
	errLinkAlgorithm = apierr.New(apierr.Invalid, codeBody, "JWT (link_with) must have an alg of RS256.")
	errLinkIssuer    = apierr.New(apierr.Invalid, codeBody, "JWT (link_with) must have the same issuer as the calling user.")
	errLinkNoSub     = apierr.New(apierr.Invalid, codeBody, "JWT (link_with) must contains sub claim.")
	errLinkSub       = apierr.New(apierr.Invalid, codeBody, "JWT (link_with) contains an invalid sub claim.")
	errLinkAud       = apierr.New(apierr.Invalid, codeBody, "JWT (link_with) contains an invalid aud claim.")
	errLinkClient    = apierr.New(apierr.Invalid, codeBody, "JWT (link_with) must have an aud claim that matches that of the calling token's azp.")
)

// Link decides to make another account an identity of a user, whose id stays; logins through either lead to it. The other
// account ends, with its sessions, refresh tokens and metadata; its profile stays with the identity (Auth0 docs, "User
// Account Linking").
func (a *Accounts) Link(ctx context.Context, tenantID, userID string, caller Caller, in Link) (*Change, error) {
	find := a.named
	if in.LinkWith != "" {
		find = a.proven
	}
	secondaryID, wanted, err := find(ctx, tenantID, caller, in)
	if err != nil {
		return nil, err
	}
	stored, err := a.User(ctx, tenantID, userID)
	if err != nil {
		return nil, err
	}
	if secondaryID == stored.ID {
		return nil, errSameIdentity
	}
	if slices.ContainsFunc(stored.Identities, func(i user.Identity) bool { return idOf(i) == secondaryID }) {
		return nil, ErrIdentityExists
	}
	secondary, err := a.c.Users.User(ctx, tenantID, secondaryID)
	switch {
	case errors.Is(err, user.ErrNotFound) && in.LinkWith != "":
		return nil, errNoSecondary
	case errors.Is(err, user.ErrNotFound) && in.ConnectionID == "":
		return nil, errNeedsOne
	case errors.Is(err, user.ErrNotFound):
		return nil, errInexistent
	case err != nil:
		return nil, fmt.Errorf("read the account to link: %w", err)
	case wanted != "" && secondary.Identities[0].Connection != wanted:
		return nil, errNoSecondary
	case secondary.Blocked && in.LinkWith != "":
		// Whoever is blocked does not come in as somebody else.
		return nil, errUnable
	}
	undone, err := a.c.Users.UserItems(ctx, tenantID, secondary.ID, user.Undone)
	if err != nil {
		return nil, fmt.Errorf("read what the account to link was separated from: %w", err)
	}
	primary := stored.Join(secondary, a.now())
	return &Change{User: primary, commit: func(ctx context.Context) error {
		// The first write holds the account as it was read, so that nothing of it is lost.
		if err := a.c.Users.UpdateUser(ctx, tenantID, secondary); err != nil {
			return changed(err)
		}
		if err := a.c.Users.DeleteUser(ctx, tenantID, secondary.ID); err != nil {
			return changed(err)
		}
		if err := a.forget(ctx, tenantID, secondary.ID); err != nil {
			return err
		}
		if err := a.c.Users.UpdateUser(ctx, tenantID, primary); err != nil {
			return err
		}
		for _, item := range undone {
			item.UserID = primary.ID
			if err := a.c.Users.PutUserItem(ctx, tenantID, item); err != nil {
				return err
			}
		}
		return nil
	}}, nil
}

// changed says of an account that is gone that it has changed: the decision is made once more, and refuses.
func changed(err error) error {
	if errors.Is(err, user.ErrNotFound) {
		return user.ErrChanged
	}
	return err
}

// idOf gives the id of the account that an identity was or would be.
func idOf(i user.Identity) string { return string(i.Provider) + "|" + i.UserID }

// named gives the id of the account that a request names, and the connection that it must be of where it says so.
func (a *Accounts) named(ctx context.Context, tenantID string, _ Caller, in Link) (id, wanted string, err error) {
	switch {
	case in.Provider == "":
		return "", "", missing("provider")
	case in.UserID == "":
		return "", "", missing("user_id")
	}
	all, err := a.c.Connections.Connections(ctx, tenantID)
	if err != nil {
		return "", "", fmt.Errorf("read connections: %w", err)
	}
	at := slices.IndexFunc(all, func(c *connection.Connection) bool {
		return c.Strategy == in.Provider && (in.ConnectionID == "" || c.ID == in.ConnectionID)
	})
	if at < 0 {
		return "", "", errNotConfigured
	}
	if in.ConnectionID != "" {
		wanted = all[at].Name
	}
	return string(in.Provider) + "|" + strings.TrimPrefix(in.UserID, string(in.Provider)+"|"), wanted, nil
}

// idToken is what is read of an ID token. Audience and Subject may be of any type.
type idToken struct {
	Issuer   string `json:"iss"`
	Subject  any    `json:"sub"`
	Audience any    `json:"aud"`
	Expires  int64  `json:"exp"`
}

// proven gives the id of the account whose ID token was given to the client that calls.
func (a *Accounts) proven(ctx context.Context, tenantID string, caller Caller, in Link) (id, wanted string, err error) {
	if in.Provider != "" || in.UserID != "" || in.ConnectionID != "" {
		return "", "", notAllowed("link_with")
	}
	keys, err := a.c.Keys.Verifiers(ctx, tenantID)
	if err != nil {
		return "", "", fmt.Errorf("read the keys of ID tokens: %w", err)
	}
	keys = slices.DeleteFunc(slices.Clone(keys), func(k jwt.Key) bool { return k.Algorithm != jwt.RS256 })
	var any, claims idToken
	every := []jwt.Algorithm{jwt.RS256, jwt.RS384, jwt.PS256, jwt.PS384, jwt.ES256, jwt.ES384, jwt.HS256}
	switch {
	case jwt.Peek(string(in.LinkWith), every, &any) != nil:
		return "", "", errLinkToken
	case jwt.Peek(string(in.LinkWith), []jwt.Algorithm{jwt.RS256}, &any) != nil:
		return "", "", errLinkAlgorithm
	case jwt.Verify(string(in.LinkWith), keys, &claims) != nil, a.c.Clock.Now().Unix() >= claims.Expires:
		return "", "", errLinkToken
	case claims.Issuer != caller.Issuer:
		return "", "", errLinkIssuer
	case claims.Subject == nil:
		return "", "", errLinkNoSub
	}
	subject, _ := claims.Subject.(string)
	if provider, rest, _ := strings.Cut(subject, "|"); provider == "" || rest == "" {
		return "", "", errLinkSub
	}
	audience, ok := audienceOf(claims.Audience)
	switch {
	case !ok:
		return "", "", errLinkAud
	case caller.ClientID == "" || !slices.Equal(audience, []string{caller.ClientID}):
		return "", "", errLinkClient
	}
	return subject, "", nil
}

// audienceOf reads the audience of a token: a text or a list of texts, with at least one.
func audienceOf(claim any) (list []string, ok bool) {
	switch v := claim.(type) {
	case string:
		list = []string{v}
	case []any:
		for _, one := range v {
			text, ok := one.(string)
			if !ok {
				return nil, false
			}
			list = append(list, text)
		}
	}
	return list, len(list) > 0 && !slices.Contains(list, "")
}

// Unlink decides to make a linked identity an account of its own again, with the profile that the identity has kept and no
// metadata. What was opened through its connection ends at the account that it leaves, which is the change's user, and the
// two are not linked again by themselves.
func (a *Accounts) Unlink(ctx context.Context, tenantID, userID string, provider connection.Strategy, identityID string) (*Change, error) {
	stored, err := a.User(ctx, tenantID, userID)
	if err != nil {
		return nil, err
	}
	id := string(provider) + "|" + strings.TrimPrefix(identityID, string(provider)+"|")
	at := slices.IndexFunc(stored.Identities, func(i user.Identity) bool { return idOf(i) == id })
	switch {
	case at < 0:
		return nil, ErrNoIdentity
	case at == 0:
		return nil, errMainIdentity
	}
	now := a.now()
	primary := *stored
	primary.Identities = slices.Delete(slices.Clone(stored.Identities), at, at+1)
	primary.UpdatedAt = now
	identity := stored.Identities[at]
	alone := &user.User{
		ID: id, Password: identity.Password, FormerPasswords: identity.FormerPasswords, CreatedAt: now, UpdatedAt: now,
	}
	alone.FromProfileData(identity.ProfileData)
	identity.ProfileData, identity.Password, identity.FormerPasswords = nil, "", nil
	alone.Identities = []user.Identity{identity}
	return &Change{User: &primary, commit: func(ctx context.Context) error {
		if err := a.c.Users.UpdateUser(ctx, tenantID, &primary); err != nil {
			return err
		}
		if err := a.c.Users.CreateUser(ctx, tenantID, alone); err != nil {
			return err
		}
		for _, item := range append(undone(primary.ID, alone.Identities, now), undone(alone.ID, primary.Identities, now)...) {
			if err := a.c.Users.PutUserItem(ctx, tenantID, item); err != nil {
				return err
			}
		}
		return a.endVia(ctx, tenantID, primary.ID, identity.Connection)
	}}, nil
}

// undone gives the items that keep logins through identities apart from a user.
func undone(userID string, identities []user.Identity, now time.Time) []user.Item {
	var items []user.Item
	for _, i := range identities {
		for _, identifier := range i.Identifiers {
			items = append(items, user.Item{
				UserID: userID, Kind: user.Undone, ID: user.UndoneID(i.Connection, identifier), Document: []byte(`{}`), CreatedAt: now,
			})
		}
	}
	return items
}
