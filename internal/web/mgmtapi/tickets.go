package mgmtapi

import (
	"context"
	"errors"
	"math"
	"time"

	"latchkey/internal/connection"
	"latchkey/internal/resource"
	"latchkey/internal/ticket"
)

// Tickets: Auth0 docs, "Management API v2: Tickets".

func (a *api) tickets() []route {
	return []route{
		{"POST /tickets/email-verification", "Create an email verification ticket", anyOf("create:user_tickets"), createVerificationTicket},
		{"POST /tickets/password-change", "Create a password change ticket", anyOf("create:user_tickets"), refuse(notBuilt("password change tickets"))},
	}
}

// verificationAsked reads whom a verification is asked for: the user, and which of the user's logins.
func (r *request) verificationAsked() (ticket.Asked, error) {
	d := r.doc()
	u, err := r.Users.User(r.ctx(), r.tenantID(), text(d, "user_id"))
	if err != nil {
		return ticket.Asked{}, err
	}
	asked, err := r.askedTicket(u)
	if err != nil {
		return asked, err
	}
	if id := text(d, "organization_id"); id != "" {
		if err := r.checkOrganization(id); err != nil {
			return asked, err
		}
		member, err := r.isMember(u.ID, id)
		if err != nil {
			return asked, err
		}
		if !member {
			return asked, problem{Status: 400, Message: "The user with id " + u.ID + " is not a member of organization with id " + id + "."}
		}
	}
	if named := member(d, "identity"); named != nil {
		asked.Identity = &ticket.Identity{Provider: connection.Strategy(text(named, "provider")), UserID: text(named, "user_id")}
		if err := r.checkIdentity(asked, text(named, "connection_id")); err != nil {
			return asked, err
		}
	}
	return asked, nil
}

// checkIdentity refuses an identity that is said to be of another connection than it is.
func (r *request) checkIdentity(asked ticket.Asked, connectionID string) error {
	if connectionID == "" {
		return nil
	}
	stored, err := connections.find(r, r.ctx(), connectionID)
	if errors.Is(err, connections.missing) {
		return problem{Status: 400, Code: errNoConnection.Code, Message: "Identity connection does not exist."}
	}
	if err != nil {
		return err
	}
	for _, i := range asked.User.Identities {
		if i.Provider == asked.Identity.Provider && i.UserID == asked.Identity.UserID && i.Connection == text(stored.Document, "name") {
			return nil
		}
	}
	return ticketProblem(ticket.ErrNoIdentity)
}

// ticketProblem gives the refusals of tickets as the API has them: sentences without a code.
func ticketProblem(err error) error {
	if errors.Is(err, ticket.ErrResultURL) {
		return invalidBody("Payload validation error: 'Object didn't pass validation for format url' on property result_url.")
	}
	for _, e := range []error{ticket.ErrNoEmail, ticket.ErrUnsupported, ticket.ErrNoIdentity} {
		if errors.Is(err, e) {
			return bare(e)
		}
	}
	return err
}

// maxTicketLife is the longest life of a ticket in seconds: ten years.
const maxTicketLife = 315360000

func createVerificationTicket(r *request) (answer, error) {
	d := r.doc()
	for _, name := range []string{"client_id", "organization_id"} {
		if text(d, "result_url") != "" && text(d, name) != "" {
			return answer{}, invalidBody("result_url cannot be specified when using %s.", name)
		}
	}
	asked, err := r.verificationAsked()
	if err != nil {
		return answer{}, err
	}
	seconds, _ := d["ttl_sec"].(float64)
	if seconds > maxTicketLife {
		return answer{}, invalidBody("Payload validation error: 'Value %v is greater than maximum %d' on property ttl_sec.", seconds, maxTicketLife)
	}
	asked.Life = time.Duration(math.Trunc(seconds)) * time.Second
	asked.ResultURL, asked.HideEmail = text(d, "result_url"), d["includeEmailInRedirect"] == false
	return r.commitUser(func(ctx context.Context) (answer, error) {
		address, err := r.Tickets.Issue(ctx, asked)
		if err != nil {
			return answer{}, ticketProblem(err)
		}
		return created(resource.Document{"ticket": address})
	})
}
