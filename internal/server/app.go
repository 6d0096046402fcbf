package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"latchkey/internal/account"
	"latchkey/internal/egress"
	"latchkey/internal/eventlog"
	"latchkey/internal/ident"
	"latchkey/internal/job"
	"latchkey/internal/message"
	"latchkey/internal/sandbox"
	"latchkey/internal/tenant"
	"latchkey/internal/web/httpx"
	"latchkey/internal/web/mgmtapi"
)

// AppConfig is what an App is made of. Database, Log and Metrics are required.
type AppConfig struct {
	Database *Database
	Log      *slog.Logger
	Metrics  *Metrics
	Proxies  httpx.Proxies
	// Sites finds the tenant of a host; the database does when it is nil.
	Sites httpx.Sites
	// SMTP is the mail server; nil means that none is configured.
	SMTP *message.SMTPConfig
	// From is the mailbox that mail comes from; empty means no-reply at each tenant's own host.
	From string
	// Egress says where connections to services that tenants choose may go; development mode opens loopback.
	Egress egress.Config
	// KeepInbox keeps a copy of every message for the inbox; development mode always does.
	KeepInbox bool
	// InboxURL is where people read the development inbox; empty where there is none.
	InboxURL string
	// MaxImport is the largest file of a users-imports job in bytes; 512000, as Auth0's, unless set.
	MaxImport int64
	// Worker is the command that starts a worker process, which renders what tenants wrote; without it all messages are
	// the built-in ones.
	Worker []string
	// Dev is development mode: an inbox, a thousand times the room in limits for loopback callers, and redirects to
	// loopback for every client that has the setting for them.
	Dev bool
	// Idle is for a command that works beside running nodes and ends: mail, jobs and clearing up are left to those.
	Idle bool
}

// App is the product without its listeners: the handler that answers for every tenant, and the worker that sends mail.
type App struct {
	// Inbox keeps a copy of every message in development mode; else it is nil.
	Inbox *message.Inbox

	config  AppConfig
	egress  *egress.Egress
	workers *sandbox.Pool
	sender  *message.Sender
	jobs    *job.Jobs
	janitor *janitor
	handler http.Handler
}

// parts are what wire makes the handler of.
type parts struct {
	AppConfig
	events *eventlog.Log
	sender *message.Sender
	// templates judges what tenants write; nil where there are no workers.
	templates mgmtapi.Templates
	// trials show mail and send it on trial.
	trials *message.Trials
	// links knows what templates say of the links in their mail.
	links *message.StoredTemplates
}

// NewApp assembles an App and starts its message worker. Close ends it; the database stays open.
func NewApp(c AppConfig) (*App, error) {
	if c.Database == nil || c.Database.Keyset == nil || c.Log == nil || c.Metrics == nil {
		return nil, errors.New("server: database, its keyset, log and metrics are required")
	}
	if c.Sites == nil {
		c.Sites = c.Database.Store
	}
	d := c.Database
	c.Egress.Loopback = c.Egress.Loopback || c.Dev
	a := &App{config: c, egress: egress.New(c.Egress)}
	renderer, err := message.NewRenderer(c.From)
	if err != nil {
		return nil, err
	}
	if c.Dev || c.KeepInbox {
		a.Inbox = message.NewInbox(d.Store, d.Keyset, d.Clock, renderer)
	}
	node := ident.Bytes(3)
	p := parts{AppConfig: c, events: eventlog.New(d.Store, d.Clock, uint32(node[0])<<16|uint32(node[1])<<8|uint32(node[2]))}
	messages := message.Config{
		Store: d.Store, Keys: d.Keyset, Clock: d.Clock, Log: c.Log, Events: messageEvents{p.events},
		Renderer: renderer, Inbox: a.Inbox, Metrics: c.Metrics.Registerer(), Idle: c.Idle,
		Settings: d.Store, Egress: a.egress,
	}
	if len(c.Worker) > 0 {
		a.workers = sandbox.New(sandbox.Config{Command: c.Worker, Log: c.Log})
		messages.Workers = a.workers
	}
	records := message.Records{Connections: d.Store, Clients: d.Store, Users: d.Store, Tenants: d.Store, Resources: d.Store}
	p.links = message.NewStoredTemplates(records, messages.Workers)
	messages.Templates = p.links
	if c.SMTP != nil {
		smtp := *c.SMTP
		smtp.Egress = a.egress
		messages.Provider = message.NewSMTP(smtp)
	}
	if a.sender, err = message.New(messages); err != nil {
		return nil, err
	}
	p.sender, p.trials = a.sender, message.NewTrials(messages, p.links, d.Store)
	if a.workers != nil {
		p.templates = message.NewChecker(a.workers)
	}
	var accounts *account.Accounts
	if a.handler, a.jobs, accounts, err = wire(p); err != nil {
		return nil, errors.Join(err, a.sender.Close(context.Background()))
	}
	if !c.Idle {
		a.janitor = startJanitor(chores{d.Store, accounts}, d.Clock, c.Log)
	}
	return a, nil
}

// MailRoute names the way mail of tenants takes that have no provider of their own: "smtp", "inbox" or "none".
func (a *App) MailRoute() string { return a.sender.Provider() }

// Handler gives the handler of a listener. HTTPS says that clients reach it by https though it speaks plain HTTP, because
// a proxy ends TLS; it then answers the configured proxies only.
func (a *App) Handler(behindProxy bool) http.Handler {
	return httpx.Edge(httpx.EdgeConfig{
		Log: a.config.Log, Sites: a.config.Sites, Proxies: a.config.Proxies,
		BehindProxy: behindProxy, Development: a.config.Dev, Observe: a.config.Metrics.Observe,
	}, a.handler)
}

// Management gives the Management API of a tenant as the person at the server's command line may use it: without a token
// and with every right. Requests run in the transaction that their context carries.
func (a *App) Management(t *tenant.Tenant) http.Handler {
	site := tenant.Site{Tenant: t, Domain: t.Domain}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := mgmtapi.Operator(httpx.WithSite(r.Context(), site))
		a.handler.ServeHTTP(w, r.WithContext(ctx))
	})
}

// Close ends the background work: it sends what has been handed to the message worker first.
func (a *App) Close(ctx context.Context) error {
	if a.janitor != nil {
		a.janitor.close()
	}
	err := errors.Join(a.jobs.Close(ctx), a.sender.Close(ctx))
	a.egress.Close()
	if a.workers != nil {
		a.workers.Close()
	}
	return err
}

// messageEvents writes messages that did not arrive to their tenant's log.
type messageEvents struct{ log *eventlog.Log }

// MessageFailed implements message.Events.
func (m messageEvents) MessageFailed(ctx context.Context, tenantID string, f message.Failure) error {
	typ := eventlog.NotificationFailed
	if f.Unknown || f.Warning {
		typ = eventlog.NotificationWarning
	}
	told := notification{MessageID: f.MessageID, EmailType: f.Kind, Type: f.Channel, To: f.To}
	if f.Warning {
		told.Warning = f.Reason
	} else {
		told.Error = f.Reason
	}
	return m.log.Write(ctx, tenantID, eventlog.Event{
		Type: typ, Description: f.Reason, ClientID: f.ClientID, Connection: f.Connection, UserName: f.To, Details: told,
	})
}

// notification are the details of a notification that failed (Auth0's log schema for the types fn and wn).
type notification struct {
	MessageID string          `json:"message_id"`
	EmailType message.Kind    `json:"email_type"`
	Type      message.Channel `json:"notification_type"`
	To        string          `json:"to"`
	Error     string          `json:"error,omitempty"`
	Warning   string          `json:"warning,omitempty"`
}
