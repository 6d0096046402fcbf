package httpx

import (
	"context"
	"log/slog"
	"strings"
)

// hidden stands in the log where a secret would.
const hidden = "[hidden]"

// secretFields are the names, in snake_case, whose values never reach the operator's log. Typed secrets hide themselves;
// this is the net below them.
var secretFields = map[string]bool{
	"authorization": true, "proxy_authorization": true, "cookie": true, "set_cookie": true, "dpop": true,
	"password": true, "old_password": true, "new_password": true, "passphrase": true,
	"client_secret": true, "client_assertion": true, "secret": true, "api_key": true, "private_key": true,
	"code": true, "otp": true, "verification_code": true, "code_verifier": true, "link": true, "ticket": true,
	"token": true, "access_token": true, "refresh_token": true, "id_token": true, "id_token_hint": true,
	"mfa_token": true, "login_ticket": true, "verifier": true, "co_verifier": true, "auth_session": true, "state": true, "nonce": true,
	"session": true, "session_id": true, "keyset": true, "master_keyset": true, "smtp_url": true, "database_url": true,
}

// Redact wraps a log handler so that fields with the name of a secret are hidden, in groups too.
func Redact(h slog.Handler) slog.Handler { return redactor{h} }

type redactor struct{ next slog.Handler }

func (r redactor) Enabled(ctx context.Context, level slog.Level) bool {
	return r.next.Enabled(ctx, level)
}

func (r redactor) Handle(ctx context.Context, rec slog.Record) error {
	clean := true
	rec.Attrs(func(a slog.Attr) bool {
		clean = !needsRedaction(a)
		return clean
	})
	if clean {
		return r.next.Handle(ctx, rec)
	}
	out := slog.NewRecord(rec.Time, rec.Level, rec.Message, rec.PC)
	rec.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(redact(a))
		return true
	})
	return r.next.Handle(ctx, out)
}

func (r redactor) WithAttrs(attrs []slog.Attr) slog.Handler {
	out := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		out[i] = redact(a)
	}
	return redactor{r.next.WithAttrs(out)}
}

func (r redactor) WithGroup(name string) slog.Handler { return redactor{r.next.WithGroup(name)} }

func needsRedaction(a slog.Attr) bool {
	switch a.Value.Kind() {
	case slog.KindGroup, slog.KindLogValuer:
		return true
	}
	return secretName(a.Key)
}

func redact(a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	if secretName(a.Key) {
		return slog.String(a.Key, hidden)
	}
	if a.Value.Kind() != slog.KindGroup {
		return a
	}
	group := a.Value.Group()
	out := make([]slog.Attr, len(group))
	for i, member := range group {
		out[i] = redact(member)
	}
	return slog.Attr{Key: a.Key, Value: slog.GroupValue(out...)}
}

func secretName(key string) bool {
	if secretFields[key] {
		return true
	}
	return secretFields[strings.ReplaceAll(strings.ToLower(key), "-", "_")]
}
