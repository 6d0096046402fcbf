package deploy

import (
	"context"
	"net/http"
)

// logStreams is log-streams/: where the tenant's log is sent (https://auth0.com/docs/customize/log-streams).
func logStreams() *kind {
	return &kind{
		name: "logStreams", order: 70, skipEmpty: true, files: manyFiles{dir: "log-streams"},
		match: []matchKey{{"id"}, {"name"}}, id: "id", path: "log-streams",
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			v, err := call(ctx, s.tenant.API, http.MethodGet, "log-streams", nil)
			return list(items(v), "id"), err
		},
		strip: func(o object) {
			if o["status"] == "suspended" {
				delete(o, "status")
			}
		},
		secrets: func(o object) []secret {
			var found []secret
			for _, property := range []string{"httpAuthorization", "splunkToken", "datadogApiKey", "mixpanelServiceAccountPassword", "segmentWriteKey"} {
				found = append(found, secret{path: "sink." + property, mask: marker("LOGSTREAMS_%s_SECRET", text(o, "type"))})
			}
			return found
		},
		unshown: []string{"sink.httpCustomHeaders", "sink.sumoSourceAddress"},
		fixed:   []string{"type"},
		body: func(_ context.Context, _ *run, c *Change, body object) error {
			typ := text(c.item.object, "type")
			if c.stored == nil {
				delete(body, "status")
				return nil
			}
			if body["status"] == "suspended" {
				delete(body, "status")
			}
			if typ == "eventbridge" || typ == "eventgrid" {
				delete(body, "sink")
			}
			return nil
		},
		after: func(ctx context.Context, r *run, c *Change) error {
			if c.Action != Create || text(c.item.object, "status") != "paused" {
				return nil
			}
			_, err := call(ctx, r.tenant.API, http.MethodPatch, under("log-streams", c.stored.id), object{"status": "paused"})
			return err
		},
	}
}
