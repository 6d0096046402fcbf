package mgmtapi

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"latchkey/internal/apierr"
	"latchkey/internal/eventlog"
	"latchkey/internal/lucene"
	"latchkey/internal/resource"
)

// Logs: Auth0 docs, "Retrieve Log Events Using the Management API", "Log Search Query Syntax".

func (a *api) logs() []route {
	read := anyOf("read:logs", "read:logs_users")
	return []route{
		{"GET /logs", "Search log events", read, listLogs},
		{"GET /logs/{id}", "Get a log event by id", read, getLog},
		{"GET /users/{id}/logs", "Get user's log events", read, listUserLogs},
	}
}

// Refusals of searches.
var (
	errLogsPaging = problem{Status: 400, Code: "invalid_paging", Message: "Requesting page exceeds the allowed maximum of 1000 records"}
	errLogsSort   = invalidQuery("sort", "Log events are sorted by date only: date:1 or date:-1")
)

// listLogs answers a search, or what comes behind a checkpoint. Where both are asked for, the checkpoint wins.
func listLogs(r *request) (answer, error) {
	p := r.paging(defaultPage)
	if p.checkpoint {
		return followLogs(r, p)
	}
	return searchLogs(r, p, "")
}

func listUserLogs(r *request) (answer, error) {
	return searchLogs(r, r.paging(defaultPage), r.path("id"))
}

// followLogs answers the events behind a checkpoint, the oldest first. The next checkpoint is in a header; it is the same
// one again as long as nothing has come.
func followLogs(r *request, p paging) (answer, error) {
	if strings.Trim(p.from, "0123456789") != "" {
		return answer{}, errCursor
	}
	found, err := r.Log.Follow(r.ctx(), r.tenantID(), p.from, p.take)
	if err != nil {
		return answer{}, err
	}
	next := p.from
	if len(found) > 0 {
		next = found[len(found)-1].ID
	}
	query := url.Values{"take": {strconv.Itoa(p.take)}}
	if next != "" {
		query.Set("from", next)
	}
	link := "<" + r.site.Issuer() + "api/v2/logs?" + query.Encode() + `>; rel="next"`
	return answer{status: http.StatusOK, body: showLogs(found), header: http.Header{"Link": {link}}}, nil
}

// searchLogs answers a page of the first results of a search. With totals it counts all that can be reached.
func searchLogs(r *request, p paging, userID string) (answer, error) {
	if p.offset()+p.perPage > eventlog.MaxResults {
		return answer{}, errLogsPaging
	}
	asked := "q"
	if r.query(asked) == "" {
		asked = "search"
	}
	q := eventlog.Query{Text: r.query(asked), UserID: userID, Offset: p.offset(), Limit: p.perPage}
	switch r.query("sort") {
	case "", "date:-1":
	case "date:1":
		q.Ascending = true
	default:
		return answer{}, errLogsSort
	}
	if p.totals {
		q.Offset, q.Limit = 0, eventlog.MaxResults
	}
	found, err := r.Log.Search(r.ctx(), r.tenantID(), q)
	switch {
	case errors.Is(err, eventlog.ErrTimeout):
		return answer{}, errSearchTooSlow
	case err != nil && apierr.As(err).Code == lucene.Code:
		return answer{}, invalidFilter(asked, err)
	case err != nil:
		return answer{}, err
	}
	if !p.totals {
		return ok(showLogs(found))
	}
	start := min(p.offset(), len(found))
	page := showLogs(found[start:min(start+p.perPage, len(found))])
	return ok(resource.Document{"start": p.offset(), "limit": p.perPage, "length": len(page), "total": len(found), "logs": page})
}

func showLogs(found []eventlog.Record) []resource.Document {
	shown := make([]resource.Document, len(found))
	for i := range found {
		shown[i] = found[i].Shown()
	}
	return shown
}

func getLog(r *request) (answer, error) {
	found, err := r.Log.Get(r.ctx(), r.tenantID(), r.path("id"))
	if err != nil {
		return answer{}, err
	}
	return ok(found.Shown())
}
