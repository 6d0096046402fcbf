package mgmtapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/eventlog"
	"latchkey/internal/tenant"
)

// slowEvents is a log that answers nothing until its caller gives up.
type slowEvents struct{ eventlog.Store }

func (slowEvents) Events(ctx context.Context, _ string, _ eventlog.Criteria, _ int) ([]eventlog.Record, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (slowEvents) CountByDay(ctx context.Context, _, _, _ string, _ ...eventlog.Type) ([]eventlog.DayCount, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestLogs_AQueryThatReadsTooLongEndsAfterTwoSeconds(t *testing.T) {
	t.Parallel()
	for path, handle := range map[string]func(*request) (answer, error){
		"/logs?q=type%3As": listLogs, "/users/x/logs": listUserLogs, "/stats/daily": dailyStats,
	} {
		synctest.Test(t, func(t *testing.T) {
			now := clock.NewFake(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
			r := &request{
				api:  &api{Config{Log: eventlog.New(slowEvents{}, now, 1), Clock: now}},
				http: httptest.NewRequest(http.MethodGet, path, nil), site: tenant.Site{Tenant: &tenant.Tenant{ID: "t"}},
			}
			began := time.Now()
			_, err := handle(r)
			const message = "The query exceeded the timeout. Please try refining your search criteria. " +
				"See https://auth0.com/docs/best-practices/search-best-practices."
			if got := problemOf(t.Context(), err); got.Status != 503 || got.Message != message {
				t.Errorf("%s: got %d %q", path, got.Status, got.Message)
			}
			if took := time.Since(began); took != 2*time.Second {
				t.Errorf("%s: took %s", path, took)
			}
		})
	}
}
