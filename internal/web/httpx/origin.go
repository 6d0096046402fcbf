package httpx

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"latchkey/internal/eventlog"
)

// maxHeaderText bounds what is kept of headers that strangers write.
const maxHeaderText = 512

// OriginOf gives where a request came from, for limits and the tenant's log.
func OriginOf(r *http.Request) eventlog.Origin {
	ctx := r.Context()
	return eventlog.Origin{
		IP:        ClientAddr(ctx).String(),
		UserAgent: clip(r.UserAgent()),
		Hostname:  Site(ctx).Domain.Host,
		SDK:       sdk(r),
		Language:  requestLanguage(r),
		RequestID: RequestID(ctx),
	}
}

// requestLanguage is what the language of messages is chosen by (Auth0 docs, "Passwordless Authentication with Email").
func requestLanguage(r *http.Request) string {
	if l := r.Header.Get("X-Request-Language"); l != "" {
		return clip(l)
	}
	return clip(r.Header.Get("Accept-Language"))
}

// sdk gives the JSON that Auth0's clients send about themselves in Auth0-Client, as header or parameter; nothing when it
// is not what they write.
func sdk(r *http.Request) string {
	text := r.Header.Get("Auth0-Client")
	if text == "" {
		text = r.URL.Query().Get("auth0Client")
	}
	if text == "" || len(text) > 2*maxHeaderText {
		return ""
	}
	text = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(text), "=")
	decoded, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || !json.Valid(decoded) {
		return ""
	}
	return clip(string(decoded))
}

func clip(s string) string {
	if len(s) > maxHeaderText {
		return s[:maxHeaderText]
	}
	return s
}
