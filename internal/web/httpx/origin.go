package httpx

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
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

// maxLanguages bounds what is kept of a request's languages.
const maxLanguages = 100

// languageRange is one entry of Accept-Language, with its weight (RFC 9110 section 12.5.4, RFC 4647 section 2.1). Tags with
// underscores are common.
var languageRange = regexp.MustCompile(`^(\*|[A-Za-z]{1,8}([-_][A-Za-z0-9]{1,8})*)(\s*;\s*[qQ]\s*=\s*[01](\.[0-9]{0,3})?)?$`)

// requestLanguage is what the language of messages is chosen by (Auth0 docs, "Passwordless Authentication with Email").
// Templates may show it to whoever reads the message, and strangers write it: only language ranges are kept.
func requestLanguage(r *http.Request) string {
	text := r.Header.Get("X-Request-Language")
	if text == "" {
		text = r.Header.Get("Accept-Language")
	}
	var kept []string
	length := 0
	for entry := range strings.SplitSeq(clip(text), ",") {
		entry = strings.TrimSpace(entry)
		if length += len(entry) + 1; length > maxLanguages {
			break
		}
		if languageRange.MatchString(entry) {
			kept = append(kept, entry)
		}
	}
	return strings.Join(kept, ",")
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
