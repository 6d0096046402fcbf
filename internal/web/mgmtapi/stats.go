package mgmtapi

import (
	"errors"
	"time"

	"latchkey/internal/eventlog"
	"latchkey/internal/resource"
)

// Stats: Auth0 docs, "Management API v2: Stats". Users are active who logged in within thirty days; days are those of UTC.

const (
	activeSince = 30 * 24 * time.Hour
	// statsDays is how many days are counted unless a request says otherwise.
	statsDays = 30
	dayLayout = "20060102"
)

func (a *api) stats() []route {
	read := anyOf("read:stats")
	return []route{
		{"GET /stats/active-users", "Get active users count", read, activeUsers},
		{"GET /stats/daily", "Get daily stats", read, dailyStats},
	}
}

func activeUsers(r *request) (answer, error) {
	n, err := r.Users.CountActiveUsers(r.ctx(), r.tenantID(), r.now().Add(-activeSince))
	if err != nil {
		return answer{}, err
	}
	return ok(n)
}

func dailyStats(r *request) (answer, error) {
	to, err := r.day("to", r.now())
	if err != nil {
		return answer{}, err
	}
	from, err := r.day("from", to.AddDate(0, 0, 1-statsDays))
	if err != nil {
		return answer{}, err
	}
	if from.After(to) {
		return answer{}, errDays
	}
	counts, err := r.Log.Daily(r.ctx(), r.tenantID(), from, to)
	if errors.Is(err, eventlog.ErrTimeout) {
		return answer{}, errSearchTooSlow
	}
	if err != nil {
		return answer{}, err
	}
	items := make([]resource.Document, len(counts))
	for i, c := range counts {
		date := stamp(c.Date)
		items[i] = resource.Document{
			"date": date, "logins": c.Logins, "signups": c.Signups, "leaked_passwords": 0, "created_at": date, "updated_at": date,
		}
	}
	return ok(items)
}

var errDays = problem{Status: 400, Code: "invalid_query_string", Message: "The first day must not come after the last one."}

// day reads a day of the query.
func (r *request) day(name string, otherwise time.Time) (time.Time, error) {
	text := r.query(name)
	if text == "" {
		return otherwise, nil
	}
	day, err := time.Parse(dayLayout, text)
	if err != nil {
		return time.Time{}, problem{Status: 400, Code: "invalid_query_string", Message: "Query validation error: 'A day is written as YYYYMMDD' on property " + name + "."}
	}
	return day, nil
}
