package message

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"latchkey/internal/client"
	"latchkey/internal/liquid"
	"latchkey/internal/resource"
	"latchkey/internal/sandbox"
)

// LinkSettings are what a template says of the link in its mail; zero members leave what is usual.
type LinkSettings struct {
	Life      time.Duration
	ResultURL string // where the browser goes afterwards
	HideEmail bool   // from ResultURL
}

// LinkSettings gives the settings of the template of a kind of message, for a client, which may be nil. The address may be
// Liquid with three variables: application.name (escaped for addresses), application.clientID and
// application.callback_domain (Auth0 docs, "Customize Email Templates", "Redirect To"). One that cannot be rendered is none.
func (s *StoredTemplates) LinkSettings(ctx context.Context, tenantID string, kind Kind, c *client.Client) (LinkSettings, error) {
	r, err := s.r.Resources.Resource(ctx, tenantID, EmailTemplates, mailKinds[kind].template)
	if errors.Is(err, resource.ErrNotFound) {
		return LinkSettings{}, nil
	}
	if err != nil {
		return LinkSettings{}, fmt.Errorf("read the template %s: %w", kind, err)
	}
	if r.Document["enabled"] == false {
		return LinkSettings{}, nil
	}
	seconds, _ := r.Document["urlLifetimeInSeconds"].(float64)
	address, _ := r.Document["resultUrl"].(string)
	return LinkSettings{
		Life: time.Duration(seconds) * time.Second, ResultURL: s.resultURL(ctx, tenantID, address, c),
		HideEmail: r.Document["includeEmailInRedirect"] == false,
	}, nil
}

func (s *StoredTemplates) resultURL(ctx context.Context, tenantID, source string, c *client.Client) string {
	if !strings.Contains(source, "{{") && !strings.Contains(source, "{%") {
		return source
	}
	if s.workers == nil {
		return ""
	}
	application := map[string]any{}
	if c != nil {
		application = map[string]any{"name": url.PathEscape(c.Name), "clientID": c.ID, "callback_domain": origin(c.Callbacks)}
	}
	var response liquid.Response
	err := s.workers.Run(ctx, sandbox.Execution{
		Tenant: tenantID, Program: liquid.ProgramName, CPU: renderCPU, Wall: renderWall, Most: longestAddress,
		Input: liquid.Request{
			Texts: []liquid.Text{{Name: "resultUrl", Source: source}}, Vars: map[string]any{"application": application, "client": application},
		},
	}, &response)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(response.Texts["resultUrl"])
}

// longestAddress bounds a rendered address.
const longestAddress = 8 << 10
