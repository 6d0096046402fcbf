package mgmtapi

import (
	"context"

	"latchkey/internal/ident"
	"latchkey/internal/resource"
)

// logStreams: Auth0 docs, "Log Streams". Reads show a sink whole, its secrets included, and are therefore events of the
// log themselves.
var logStreams = &collection{
	kind: logStreamKind, plural: "log_streams", newID: func() string { return "lst_" + ident.Digits(16) },
	missing:      notFoundError("", "The log stream does not exist."),
	createStatus: 200, idempotent: true, bare: true, replaces: true,
	secrets: []string{
		"sink.httpAuthorization", "sink.httpCustomHeaders[]", "sink.datadogApiKey", "sink.splunkToken", "sink.sumoSourceAddress",
		"sink.segmentWriteKey", "sink.mixpanelServiceAccountPassword",
	},
	reveal: func(*request) bool { return true },
	prepare: func(_ *request, d resource.Document) error {
		delete(d, "startFrom")
		defaults(d, resource.Document{"status": "active", "isPriority": false})
		return nil
	},
	check: checkLogStream,
}

const logStreamKind resource.Kind = "log_streams"

// mostLogStreams is how many a tenant may have.
const mostLogStreams = 10

func (a *api) logStreams() []route {
	return []route{
		{"GET /log-streams", "Get log streams", anyOf("read:log_streams"), disclosing(logStreams.list)},
		{"POST /log-streams", "Create a log stream", anyOf("create:log_streams"), logStreams.create},
		{"GET /log-streams/{id}", "Get log stream by ID", anyOf("read:log_streams"), disclosing(logStreams.get)},
		{"PATCH /log-streams/{id}", "Update a log stream", anyOf("update:log_streams"), updateLogStream},
		{"DELETE /log-streams/{id}", "Delete log stream", anyOf("delete:log_streams"), logStreams.remove},
	}
}

// disclosing writes the log event of a read that shows secrets.
func disclosing(read func(*request) (answer, error)) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		a, err := read(r)
		if err != nil {
			return answer{}, err
		}
		if list, isList := a.body.([]resource.Document); isList && len(list) == 0 {
			return a, nil
		}
		if d, isObject := a.body.(resource.Document); isObject && len(d) == 0 {
			return a, nil
		}
		return a, r.disclosed(a)
	}
}

// updateLogStream takes the protection of personal data away where a payload has a sink and says nothing of it: that is how
// tools turn it off.
func updateLogStream(r *request) (answer, error) {
	return logStreams.change(r, r.path("id"), func(after *resource.Resource) error {
		if _, protects := r.doc()["pii_config"]; !protects && member(r.doc(), "sink") != nil {
			delete(after.Document, "pii_config")
		}
		merge(after.Document, clone(r.doc()), nil)
		return nil
	})
}

// checkLogStream holds a sink to the stream's type, gives its protection of personal data the documented defaults, and
// limits how many streams there are.
func checkLogStream(r *request, ctx context.Context, before, after resource.Document) error {
	if pii := member(after, "pii_config"); pii != nil {
		defaults(pii, resource.Document{"method": "hash", "algorithm": "xxhash"})
	}
	if filters, isList := after["filters"].([]any); isList && len(filters) == 0 {
		delete(after, "filters")
	}
	if before == nil {
		n, err := r.Resources.CountResources(ctx, r.tenantID(), "log_streams", "")
		if err != nil {
			return err
		}
		if n >= mostLogStreams {
			return conflict("You have reached the maximum number of log streams for your account.")
		}
		return nil
	}
	sink := member(after, "sink")
	for _, name := range sinkMembers[text(after, "type")] {
		if _, there := sink[name]; !there {
			return invalidBody("Payload validation error: 'Missing required property: %s' on property sink.", name)
		}
	}
	return nil
}

// sinkMembers are the members by which a sink is known to belong to a type. None of them is a secret.
var sinkMembers = map[string][]string{
	"http": {"httpEndpoint"}, "eventbridge": {"awsAccountId", "awsRegion"}, "datadog": {"datadogRegion"},
	"eventgrid": {"azureSubscriptionId", "azureRegion", "azureResourceGroup"},
	"splunk":    {"splunkDomain", "splunkPort", "splunkSecure"}, "mixpanel": {"mixpanelProjectId", "mixpanelRegion"},
}
