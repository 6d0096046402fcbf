package message

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"latchkey/internal/egress"
)

const (
	// serviceConcurrency is how many messages of a tenant are handed to its service at once.
	serviceConcurrency = 8
	// longestWait bounds what a service may ask us to wait.
	longestWait = time.Hour
	userAgent   = "latchkey"
)

// service is what providers over HTTP share.
type service struct {
	name   string
	egress *egress.Egress

	timeout   time.Duration // as egress.Exchange has them
	maxAnswer int64
}

// Name implements Provider.
func (s service) Name() string { return s.name }

// Concurrency implements Provider.
func (s service) Concurrency() int { return serviceConcurrency }

// Close implements Provider. The connections are those of all tenants.
func (s service) Close() {}

// answer is what a service said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// postJSON sends a JSON document.
func (s service) postJSON(ctx context.Context, address string, header map[string]string, document any) (answer, *Result) {
	body, err := json.Marshal(document)
	if err != nil {
		return answer{}, &Result{Verdict: VerdictRefused, Detail: "The message cannot be written as JSON."}
	}
	return s.post(ctx, address, "application/json", header, body)
}

// post makes one request. It gives a Result where there is no answer: "retry" where the service cannot have had the whole
// request, "unknown" where it may.
func (s service) post(ctx context.Context, address, contentType string, header map[string]string, body []byte) (answer, *Result) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return answer{}, &Result{Verdict: VerdictConfig, Detail: "The address of the service is not one."}
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", userAgent)
	for name, value := range header {
		request.Header.Set(name, value)
	}
	exchange := s.egress.Exchange()
	exchange.Timeout, exchange.MaxAnswer = s.timeout, s.maxAnswer
	response, err := exchange.Do(request)
	if err != nil {
		return answer{}, unanswered(exchange, err)
	}
	defer func() { _ = response.Body.Close() }()
	got := answer{status: response.StatusCode, header: response.Header}
	if got.body, err = io.ReadAll(response.Body); err != nil {
		got.body = nil // the status alone counts; whoever needs the body finds it malformed
	}
	return got, nil
}

// unanswered reads a request that failed.
func unanswered(x *egress.Exchange, err error) *Result {
	detail := oneLine(err.Error(), 300)
	switch {
	case errors.Is(err, egress.ErrRefused):
		return &Result{Verdict: VerdictConfig, Detail: detail}
	case x.HandedOver():
		return &Result{Verdict: VerdictUnknown, Detail: "The service did not answer after the whole message had been handed over: " + detail}
	default:
		return &Result{Verdict: VerdictRetry, Detail: "The service was not reached: " + detail, Unreached: errors.Is(err, syscall.ECONNREFUSED)}
	}
}

// refused reads an answer outside 2xx by its status alone. Words are the service's own. That 429, 500 and 503 come from the
// service itself and mean that it has not accepted the message, services document; 502, 504 and their kin come from what
// stands before it and say nothing.
func (a answer) refused(words string) Result {
	r := Result{Detail: oneLine(strings.TrimSpace(fmt.Sprintf("%d %s", a.status, words)), 512)}
	switch {
	case a.status == http.StatusRequestTimeout, a.status == http.StatusTooManyRequests,
		a.status == http.StatusInternalServerError, a.status == http.StatusServiceUnavailable:
		r.Verdict, r.RetryAfter = VerdictRetry, a.wait()
	case a.status == http.StatusUnauthorized, a.status == http.StatusForbidden, a.status == http.StatusPaymentRequired:
		r.Verdict = VerdictConfig
	case a.status >= 500:
		r.Verdict = VerdictUnknown
	case a.status >= 300 && a.status < 400:
		r.Verdict, r.Detail = VerdictConfig, fmt.Sprintf("%d: redirects are not followed", a.status)
	default:
		r.Verdict = VerdictRefused
	}
	return r
}

// malformed is the result of an answer that says yes in a way that is not documented.
func (a answer) malformed() Result {
	return Result{
		Verdict: VerdictUnknown,
		Detail:  fmt.Sprintf("The service answered %d in a form that it does not document; it may have accepted the message.", a.status),
	}
}

// ok reports whether the status is one of success.
func (a answer) ok() bool { return a.status >= 200 && a.status < 300 }

// decode reads a JSON answer and reports whether it is one.
func (a answer) decode(to any) bool { return json.Unmarshal(a.body, to) == nil }

// wait is what Retry-After asks for, in seconds or as a date (RFC 9110 section 10.2.3), or X-RateLimit-Reset as seconds
// since 1970.
func (a answer) wait() time.Duration {
	var d time.Duration
	text := a.header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		d = time.Duration(min(seconds, int(longestWait/time.Second))) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		d = time.Until(at)
	} else if reset, err := strconv.ParseInt(a.header.Get("X-RateLimit-Reset"), 10, 64); err == nil {
		d = time.Until(time.Unix(reset, 0))
	}
	return min(max(d, 0), longestWait)
}

// again is for services that recognise a message by its key: where the first attempt may have arrived, a second one under
// the same key does no harm. Only its success says more than the first did.
func again(ctx context.Context, try func() Result) Result {
	first := try()
	if first.Verdict != VerdictUnknown || ctx.Err() != nil {
		return first
	}
	if second := try(); second.Verdict == VerdictSent {
		return second
	}
	return first
}

// sent is the result of success.
func sent(id string) Result { return Result{Verdict: VerdictSent, ProviderMessageID: oneLine(id, 200)} }

// unaddressed is the result of an address that mail cannot be sent to.
func unaddressed() Result {
	return Result{Verdict: VerdictRecipient, Detail: "The address is not one that mail can be sent to."}
}

// mailbox is an address with a name, as several services write it.
type mailbox struct {
	Email string `json:"email"`
	Name  string `json:"name,omitempty"`
}

// hostName matches what may stand in an address as the name of a host or a tenant.
var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)
