package deploy

import (
	"context"
	"net/http"
	"slices"
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
			for _, property := range []string{
				"httpAuthorization", "splunkToken", "datadogApiKey", "mixpanelServiceAccountPassword", "segmentWriteKey", "sumoSourceAddress",
			} {
				found = append(found, secret{path: "sink." + property, mask: marker("LOGSTREAMS_%s_SECRET", text(o, "type"))})
			}
			for _, header := range customHeaders(o) {
				found = append(found, secret{
					path: "value", holder: header, required: true,
					mask: marker("LOGSTREAMS_%s_%s_SECRET", text(o, "type"), text(header, "header")),
				})
			}
			return found
		},
		unshown: []string{"sink.httpCustomHeaders"},
		fixed:   []string{"type"},
		prepare: func(_ context.Context, _ *session, want object, have *stored) error {
			keepHeaders(want, have)
			return nil
		},
		body: func(_ context.Context, _ *run, c *Change, body object) error {
			typ := text(c.item.object, "type")
			if c.stored == nil {
				delete(body, "status")
				return nil
			}
			keepHeaders(body, c.stored)
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

// customHeaders gives the headers that a stream's requests carry besides their own.
func customHeaders(o object) []object {
	sink, _ := o["sink"].(object)
	return objects(sink["httpCustomHeaders"])
}

// keepHeaders gives the headers whose values a file does not tell the stored ones of the same name.
func keepHeaders(o object, have *stored) {
	if have == nil {
		return
	}
	known := customHeaders(have.raw)
	for _, header := range customHeaders(o) {
		i := slices.IndexFunc(known, func(other object) bool { return text(other, "header") == text(header, "header") })
		if i < 0 {
			continue
		}
		if _, told := header["value"]; !told {
			header["value"] = known[i]["value"]
		}
		known = slices.Delete(known, i, i+1)
	}
}
