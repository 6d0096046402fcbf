package message

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"time"

	"latchkey/internal/resource"
	"latchkey/internal/seal"
)

// refreshPath is where the settings of a mail server keep the refresh token, sealed.
const refreshPath = "credentials.smtp_oauth.refresh_token"

// keeper puts a refresh token that a server gave anew into the settings, where they still hold the one before, and gives
// what they hold then. Servers that rotate refresh tokens take the older ones no more (RFC 9700 section 4.14.2).
type keeper func(ctx context.Context, before, after string) (now string, err error)

// keeperOf gives the keeper of stored settings.
func keeperOf(settings Settings, keys *seal.Keyset, tenant string, stored *resource.Resource) keeper {
	return func(ctx context.Context, before, after string) (string, error) {
		for {
			found, err := settings.Resource(ctx, tenant, stored.Kind, stored.ID)
			if err != nil {
				return "", fmt.Errorf("read the settings of a refresh token: %w", err)
			}
			now, err := refreshOf(keys, tenant, found)
			if err != nil || now != before {
				return now, err // somebody else has set another
			}
			next := *found
			next.Sealed = maps.Clone(found.Sealed)
			if next.Sealed[refreshPath], err = keys.Seal([]byte(after), tenant, string(found.Kind), refreshPath, found.ID); err != nil {
				return "", fmt.Errorf("seal a refresh token: %w", err)
			}
			err = settings.UpdateResource(ctx, tenant, &next)
			if err == nil {
				return after, nil
			}
			if !errors.Is(err, resource.ErrChanged) || ctx.Err() != nil {
				return "", fmt.Errorf("keep a refresh token: %w", err)
			}
		}
	}
}

// refreshOf opens the refresh token of settings; empty where they have none.
func refreshOf(keys *seal.Keyset, tenant string, stored *resource.Resource) (string, error) {
	sealed, ok := stored.Sealed[refreshPath]
	if !ok {
		return "", nil
	}
	token, err := keys.Open(sealed, tenant, string(stored.Kind), refreshPath, stored.ID)
	if err != nil {
		return "", errSealedProvider
	}
	return string(token), nil
}

// renewed reports whether settings differ in refresh tokens alone and the open providers go on with the new ones. Otherwise
// they have to be opened anew.
func (r *routes) renewed(tenant string, before, after mailSettings, own *carrier) bool {
	if own == nil || !sameButRefresh(before.first, after.first) || !sameButRefresh(before.second, after.second) {
		return false
	}
	return r.renew(tenant, before.first, after.first, own) && r.renew(tenant, before.second, after.second, own.second)
}

func (r *routes) renew(tenant string, before, after *resource.Resource, c *carrier) bool {
	if after == nil || reflect.DeepEqual(before, after) {
		return true
	}
	refresh, err := refreshOf(r.keys, tenant, after)
	if err != nil || c == nil {
		return false
	}
	mail, _ := c.handover.(mailHandover)
	server, ok := mail.Provider.(*SMTP)
	return ok && server.config.tokens != nil && server.config.tokens.renew(refresh)
}

func sameButRefresh(a, b *resource.Resource) bool {
	if a == nil || b == nil {
		return a == b
	}
	bare := func(r *resource.Resource) resource.Resource {
		out := *r
		out.Version, out.UpdatedAt, out.Sealed = 0, time.Time{}, maps.Clone(r.Sealed)
		delete(out.Sealed, refreshPath)
		return out
	}
	_, had := a.Sealed[refreshPath]
	_, has := b.Sealed[refreshPath]
	return had == has && reflect.DeepEqual(bare(a), bare(b))
}
