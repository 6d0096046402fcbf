package mgmtapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"latchkey/internal/account"
	"latchkey/internal/apierr"
	"latchkey/internal/client"
	"latchkey/internal/lucene"
	"latchkey/internal/resource"
	"latchkey/internal/tenant"
	"latchkey/internal/ticket"
	"latchkey/internal/user"
	"latchkey/internal/web/httpx"
)

// Users: Auth0 docs, "Management API v2: Users".

func (a *api) users() []route {
	return []route{
		{"GET /users", "List or Search Users", anyOf("read:users"), searchUsers},
		{"POST /users", "Create a User", anyOf("create:users"), createUser},
		{"GET /users-by-email", "Search Users by Email", anyOf("read:users"), usersByEmail},
		{"GET /users/{id}", "Get a User", anyOf("read:users", "read:current_user"), getUser},
		{"PATCH /users/{id}", "Update a User", anyOf("update:users", "update:users_app_metadata", "update:current_user_metadata"), updateUser},
		{"DELETE /users/{id}", "Delete a User", anyOf("delete:users", "delete:current_user"), deleteUser},
	}
}

// The refusals of searches (Auth0 docs, "View Search Results by Page" and "User Search Best Practices").
var (
	errSearchV1 = problem{Status: 400, Code: "invalid_query_string", Message: "You are not allowed to use search_engine=v1."}
	errSearchV2 = problem{Status: 400, Code: "invalid_query_string", Message: "You are not allowed to use search_engine=v2. Use search_engine=v3 instead."}

	errTooFarUsers = problem{
		Status: 400, Code: "invalid_paging",
		Message: "You can only page through the first 1000 records. See https://auth0.com/docs/users/search/v3/view-search-results-by-page#limitation",
	}
	errSearchTooSlow = problem{
		Status:  503,
		Message: "The query exceeded the timeout. Please try refining your search criteria. See https://auth0.com/docs/best-practices/search-best-practices.",
	}
)

// mostFound is how far a search can be paged through.
const mostFound = 1000

const sortPattern = `^[^:]+:(1|-1)$`

var sortForm = regexp.MustCompile(sortPattern)

// searchUsers lists users. The order is always the same for the same query, so primary_order has nothing to turn off;
// connection belongs to the first search engine.
func searchUsers(r *request) (answer, error) {
	switch r.query("search_engine") {
	case "v1":
		return answer{}, errSearchV1
	case "v2":
		return answer{}, errSearchV2
	}
	p := r.paging(defaultPage)
	if r.query("per_page") == "0" { // scripts that only count ask so
		p.perPage = 0
	}
	if p.perPage > 0 && p.page >= mostFound/p.perPage {
		return answer{}, errTooFarUsers
	}
	s := user.Search{Offset: p.offset(), Limit: p.perPage, Total: p.totals}
	var err error
	if s.Filter, err = r.userFilter(); err != nil {
		return answer{}, err
	}
	if s.Sort, err = r.userSort(); err != nil {
		return answer{}, err
	}
	found, total, err := r.Users.SearchUsers(r.ctx(), r.tenantID(), s)
	if errors.Is(err, user.ErrFilterTooLarge) {
		return answer{}, invalidFilter("q", err)
	}
	if err != nil {
		return answer{}, err
	}
	a, err := p.wrap("users", shownUsers(found), total)
	if body, isObject := a.body.(resource.Document); isObject {
		body["length"] = len(found)
	}
	return a, err
}

// userFilter reads the query in the search language.
func (r *request) userFilter() (lucene.Node, error) {
	filter, err := lucene.Parse(r.query("q"))
	if err == nil {
		err = user.CheckFilter(filter)
	}
	if err != nil {
		return nil, invalidFilter("q", err)
	}
	if _, everybody := filter.(lucene.All); everybody {
		return nil, nil
	}
	return filter, nil
}

// invalidFilter refuses the query in a parameter for a reason that a stranger may read.
func invalidFilter(name string, err error) error {
	return invalidQuery(name, strings.TrimSuffix(apierr.As(err).Message, "."))
}

// userSort reads the order; the users created first come first unless it is asked for.
func (r *request) userSort() (user.Sort, error) {
	text := r.query("sort")
	if text == "" {
		return user.Sort{}, nil
	}
	if !sortForm.MatchString(text) {
		return user.Sort{}, invalidQuery("sort", "String does not match pattern "+sortPattern)
	}
	field, direction, _ := strings.Cut(text, ":")
	return user.Sort{Field: field, Descending: direction == "-1"}, nil
}

// invalidQuery refuses a parameter of the query that its schema allows.
func invalidQuery(name, reason string) error {
	return problem{Status: 400, Code: "invalid_query_string", Message: "Query validation error: '" + reason + "' on property " + name + "."}
}

func shownUsers(list []*user.User) []resource.Document {
	shown := make([]resource.Document, len(list))
	for i, u := range list {
		shown[i] = u.Shown()
	}
	return shown
}

// usersByEmail finds the users of an address exactly as it is stored.
func usersByEmail(r *request) (answer, error) {
	found, err := r.Users.UsersByEmail(r.ctx(), r.tenantID(), r.query("email"))
	if err != nil {
		return answer{}, err
	}
	return ok(shownUsers(found))
}

func getUser(r *request) (answer, error) {
	u, err := r.Users.User(r.ctx(), r.tenantID(), r.path("id"))
	if err != nil {
		return answer{}, err
	}
	return ok(u.Shown())
}

// userOfPath looks for the user that a path names.
func userOfPath(r *request) error {
	_, err := r.Users.User(r.ctx(), r.tenantID(), r.path("id"))
	return err
}

// by tells the log who changes a user.
func (r *request) by() account.By {
	return account.By{ClientID: r.token.ClientID, Origin: httpx.OriginOf(r.http)}
}

// read decodes the payload into what a decision takes, whose names are those of the API.
func (r *request) read(into any) error {
	text, err := json.Marshal(r.body)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func createUser(r *request) (answer, error) {
	var in account.Create
	if err := r.read(&in); err != nil {
		return answer{}, err
	}
	return r.changeUser(func() (*account.Change, error) {
		return r.Accounts.Create(r.ctx(), r.tenantID(), in)
	}, func(change *account.Change) (answer, error) { return created(change.User.Shown()) })
}

func updateUser(r *request) (answer, error) {
	if err := r.mayUpdateUser(); err != nil {
		return answer{}, err
	}
	var in account.Update
	if err := r.read(&in); err != nil {
		return answer{}, err
	}
	return r.changeUser(func() (*account.Change, error) {
		return r.Accounts.Update(r.ctx(), r.tenantID(), r.path("id"), r.by(), in)
	}, func(change *account.Change) (answer, error) { return ok(change.User.Shown()) })
}

// mayUpdateUser looks at what a token may change that may not change everything: app_metadata with the scope for it, and
// one's own user_metadata with the scope of the current user. Such a token must change something: the answer is the user.
func (r *request) mayUpdateUser() error {
	if r.token.has("update:users") {
		return nil
	}
	if len(r.doc()) == 0 {
		return invalidBody("Payload validation error: 'Too few properties defined (0), minimum 1'.")
	}
	for name := range r.doc() {
		switch {
		case name == "app_metadata" && r.token.has("update:users_app_metadata"):
		case name == "user_metadata" && r.token.has("update:current_user_metadata") && r.path("id") == r.token.UserID:
		default:
			return insufficientScope("expected any of: update:users")
		}
	}
	return nil
}

func deleteUser(r *request) (answer, error) { return deleteUserByID(r, r.path("id")) }

// deleteUserByID deletes a user; one who is not there is deleted already.
func deleteUserByID(r *request, id string) (answer, error) {
	return r.changeUser(func() (*account.Change, error) {
		return r.Accounts.Delete(r.ctx(), r.tenantID(), id, r.by())
	}, func(*account.Change) (answer, error) { return noContent() })
}

// changeUser decides a change of a user, writes it with the mail that the person is due, and answers; a change that lost a
// race is decided again.
func (r *request) changeUser(decide func() (*account.Change, error), show func(*account.Change) (answer, error)) (answer, error) {
	return r.again(func() (answer, error) {
		change, err := decide()
		if err != nil {
			return answer{}, err
		}
		mail, err := r.verificationOf(change)
		if err != nil {
			return answer{}, err
		}
		a, err := r.commitUser(func(ctx context.Context) (answer, error) {
			if err := change.Commit(ctx); err != nil {
				return answer{}, err
			}
			if mail != nil {
				if err := r.Tickets.Queue(ctx, mail); err != nil {
					return answer{}, err
				}
			}
			return show(change)
		})
		if err == nil && mail != nil {
			r.Tickets.Committed(mail)
		}
		return a, err
	})
}

// verificationOf prepares the mail that verifies the address of a changed user, where one is due.
func (r *request) verificationOf(change *account.Change) (*ticket.Verification, error) {
	switch {
	case change.VerifyPhone:
		return nil, notBuilt("the verification of phone numbers")
	case !change.VerifyEmail:
		return nil, nil
	}
	asked, err := r.askedTicket(change.User)
	if err != nil {
		return nil, err
	}
	asked.Identity = &ticket.Identity{Provider: change.Identity.Provider, UserID: change.Identity.UserID}
	return r.Tickets.PrepareVerification(r.ctx(), asked)
}

// askedTicket begins to ask for a ticket of a user: on the domain and for the client that the call names.
func (r *request) askedTicket(u *user.User) (ticket.Asked, error) {
	asked := ticket.Asked{User: u, Origin: httpx.OriginOf(r.http)}
	var err error
	if asked.Site, err = r.linkSite(); err != nil {
		return asked, err
	}
	if id := text(r.doc(), "client_id"); id != "" {
		asked.Client, err = r.Clients.Client(r.ctx(), r.tenantID(), id)
		if errors.Is(err, client.ErrNotFound) {
			return asked, problem{Status: 400, Code: errNoClient.Code, Message: errNoClient.Message}
		}
	}
	return asked, err
}

// customDomainHeader chooses the domain of the links in mails (Auth0 docs, "Multiple Custom Domains").
const customDomainHeader = "Auth0-Custom-Domain"

// linkSite is the site that links in mails lead to: that of the call, unless it names another domain of the tenant.
func (r *request) linkSite() (tenant.Site, error) {
	name := r.http.Header.Get(customDomainHeader)
	if name == "" {
		return r.site, nil
	}
	if host, isHost := httpx.Host(name, r.site.Secure()); isHost {
		site, err := r.Sites.Site(r.ctx(), host)
		switch {
		case err == nil && site.Tenant.ID == r.tenantID():
			return site, nil
		case err != nil && !errors.Is(err, tenant.ErrNotFound):
			return tenant.Site{}, err
		}
	}
	return tenant.Site{}, problem{
		Status: http.StatusBadRequest, Code: "invalid_custom_domain",
		Message: "The header auth0-custom-domain names no custom domain of this tenant.",
	}
}
