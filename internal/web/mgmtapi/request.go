package mgmtapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/apischema"
	"latchkey/internal/eventlog"
	"latchkey/internal/protect"
	"latchkey/internal/resource"
	"latchkey/internal/tenant"
	"latchkey/internal/web/httpx"
)

// maxBody is the largest payload (Auth0 docs, "Management API", 1 MB). Files of import jobs have a limit of their own.
const maxBody = 1 << 20

// request is one call, as far as it is understood. Its fields are there for handlers once the route's checks are passed.
type request struct {
	*api
	route     route
	operation *apischema.Operation
	http      *http.Request
	w         http.ResponseWriter
	site      tenant.Site
	token     *token
	body      any // as encoding/json gives it; nil when there is none
}

// answer is what a handler answers with. A nil body is an empty one.
type answer struct {
	status int
	body   any
	header http.Header
}

func ok(body any) (answer, error) { return answer{status: http.StatusOK, body: body}, nil }

func created(body any) (answer, error) { return answer{status: http.StatusCreated, body: body}, nil }

func noContent() (answer, error) { return answer{status: http.StatusNoContent}, nil }

func (a answer) write(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	writeJSON(w, a.status, a.body)
}

// ctx is the request's context; inside a commit, handlers use the one they are given instead.
func (r *request) ctx() context.Context { return r.http.Context() }

// tenantID names the tenant that everything is asked of.
func (r *request) tenantID() string { return r.site.Tenant.ID }

// now is the time of the call.
func (r *request) now() time.Time { return r.Clock.Now() }

// answer checks the call and has it answered.
func (r *request) answer() (answer, error) {
	var err error
	if r.token, err = r.authenticate(r.http); err != nil {
		return answer{}, err
	}
	if err := r.limit(); err != nil {
		return answer{}, err
	}
	if err := r.route.scopes.check(r.token); err != nil {
		return answer{}, err
	}
	if err := r.readPath(); err != nil {
		return answer{}, err
	}
	if err := r.readQuery(); err != nil {
		return answer{}, err
	}
	if err := r.readBody(); err != nil {
		return answer{}, err
	}
	a, err := r.route.handle(r)
	if err != nil {
		return answer{}, err
	}
	return r.selectFields(a)
}

// limit counts the call and tells how much room is left (Auth0 docs, "Rate Limit Use Cases").
func (r *request) limit() error {
	if r.token.operator {
		return nil
	}
	asked := protect.Ask{Limit: protect.ManagementAPI, Subject: r.token.ClientID + "|" + r.token.UserID}
	level, err := r.Guard.Count(r.tenantID(), httpx.ClientAddr(r.ctx()).String(), asked)
	h := r.w.Header()
	h.Set("X-RateLimit-Limit", strconv.Itoa(asked.Limit.Burst))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(min(level.Remaining, asked.Limit.Burst)))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(level.Reset.Unix(), 10))
	var reached *protect.LimitError
	if errors.As(err, &reached) {
		r.tellLimit(reached)
		h.Set("Retry-After", strconv.Itoa(int(reached.Wait.Seconds()+0.999)))
		return problem{Status: 429, Code: "too_many_requests", Message: "Global limit has been reached"}
	}
	return err
}

// tellLimit tells the tenant's log of a limit that is reached, of each client once a minute (Auth0 docs, "Log Event Type
// Codes": api_limit).
func (r *request) tellLimit(reached *protect.LimitError) {
	once := protect.Ask{Limit: protect.LimitEvents, Subject: reached.Level.Key}
	if _, err := r.Guard.Count(r.tenantID(), httpx.ClientAddr(r.ctx()).String(), once); err != nil {
		return
	}
	httpx.Fail(r.ctx(), r.Log.Write(r.ctx(), r.tenantID(), eventlog.Event{
		Type: eventlog.APILimit, Description: "The rate limit " + reached.Limit.Name + " is reached.", ClientID: r.token.ClientID,
		Origin:  httpx.OriginOf(r.http),
		Details: map[string]any{"limit": reached.Limit.Name, "burst": reached.Limit.Burst, "path": r.http.URL.Path},
	}))
}

// path gives a parameter of the path, decoded.
func (r *request) path(name string) string { return r.http.PathValue(name) }

// readPath checks the parameters of the path, and that a user's own token acts on that user alone.
func (r *request) readPath() error {
	_, pattern := r.route.split()
	params := map[string]string{}
	for segment := range strings.SplitSeq(pattern, "/") {
		if name, found := strings.CutPrefix(segment, "{"); found {
			name = strings.TrimSuffix(name, "}")
			params[name] = r.path(name)
		}
	}
	if r.route.scopes.onlyOwn(r.token) && strings.HasPrefix(pattern, "/users/") && params["id"] != r.token.UserID {
		return problem{Status: 403, Message: "User to be acted on does not match subject in bearer token."}
	}
	return schemaProblem(r.operation.PathParameters(params), "invalid_uri", "Path validation error: ")
}

// query gives a parameter of the query, empty when it is absent.
func (r *request) query(name string) string { return r.http.URL.Query().Get(name) }

// queryBool reads a parameter of the query that is true or false.
func (r *request) queryBool(name string) bool { return r.query(name) == "true" }

func (r *request) readQuery() error {
	return schemaProblem(r.operation.Query(r.http.URL.Query()), "invalid_query_string", "Query validation error: ")
}

// doc gives the payload of an operation whose payload is an object.
func (r *request) doc() resource.Document {
	d, _ := r.body.(resource.Document)
	return d
}

// readBody reads and checks a JSON payload. Files are read by their handlers.
func (r *request) readBody() error {
	switch r.http.Method {
	case http.MethodGet, http.MethodHead:
		return nil
	}
	if r.isUpload() {
		return nil
	}
	text, err := io.ReadAll(http.MaxBytesReader(r.w, r.http.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return problem{Status: 413, Message: "Payload content length greater than maximum allowed: " + strconv.Itoa(maxBody)}
	case err != nil:
		return invalidBody("The payload could not be read.")
	}
	if len(strings.TrimSpace(string(text))) > 0 {
		if err := r.decode(text); err != nil {
			return err
		}
	}
	if !r.operation.HasBody {
		return nil
	}
	if r.body == nil {
		r.body = resource.Document{}
	}
	return schemaProblem(r.operation.Body(r.body), "invalid_body", "Payload validation error: ")
}

func (r *request) decode(text []byte) error {
	kind := r.http.Header.Get("Content-Type")
	switch {
	case strings.HasPrefix(kind, "text/html"):
		r.body = string(text)
	case strings.HasPrefix(kind, "application/x-www-form-urlencoded"):
		if err := r.decodeForm(text); err != nil {
			return err
		}
	default:
		if err := json.Unmarshal(text, &r.body); err != nil {
			return invalidBody("Invalid request payload JSON format")
		}
	}
	if err := resource.Check(r.body); err != nil {
		return invalidBody("Payload validation error: '%s'.", apierr.As(err).Message)
	}
	return nil
}

// decodeForm reads a form: each field is a text, or a list of texts where it stands several times.
func (r *request) decodeForm(text []byte) error {
	values, err := url.ParseQuery(string(text))
	if err != nil {
		return invalidBody("Invalid request payload format")
	}
	d := resource.Document{}
	for name, list := range values {
		if len(list) == 1 {
			d[name] = list[0]
			continue
		}
		all := make([]any, len(list))
		for i, one := range list {
			all[i] = one
		}
		d[name] = all
	}
	r.body = d
	return nil
}

// storable reports whether a value can be kept.
func storable(v any) bool { return resource.Check(v) == nil }

// schemaProblem turns a finding of package apischema into the answer.
func schemaProblem(err error, code, prefix string) error {
	if err == nil {
		return nil
	}
	var found *apischema.Error
	if !errors.As(err, &found) {
		return err
	}
	return problem{Status: 400, Code: code, Message: prefix + found.Error()}
}

func (o route) split() (method, path string) {
	method, path, _ = strings.Cut(o.pattern, " ")
	return method, path
}
