package user

import (
	"context"
	"slices"
	"strings"
	"time"

	"latchkey/internal/apierr"
	"latchkey/internal/lucene"
)

// Search asks for users.
type Search struct {
	// Filter is what must hold of a user; nil for everybody.
	Filter lucene.Node
	// Sort is the order; by creation unless set.
	Sort Sort
	// Offset users of the result are passed over and at most Limit are given.
	Offset, Limit int
	// Total says that the number of all users of the result is wanted.
	Total bool
}

// Sort is an order by a field that can be searched. Users with equal values come in the order of their creation, or of
// their ids; users without the field come last. Where a user has several values the first in the order decides.
type Sort struct {
	Field      string
	Descending bool
}

// Fields that can be searched, beside the members of the metadata.
//
// Auth0: "User Search Query Syntax" (manage-users/user-search/user-search-query-syntax), searchable fields.
var fields = []string{
	"user_id", "email", "email.domain", "email_verified", "name", "nickname", "given_name", "family_name", "username",
	"phone_number", "phone_verified", "created_at", "updated_at", "last_login", "last_ip", "logins_count",
	"last_password_reset", "blocked", "identities.connection", "identities.provider", "identities.user_id",
	"identities.isSocial", "identities.profileData.email", "identities.profileData.username",
}

// The roots of what tenants keep at a user.
const (
	userMetadata = "user_metadata"
	appMetadata  = "app_metadata"
)

// Searchable reports whether users can be searched and sorted by a field.
func Searchable(field string) bool {
	return slices.Contains(fields, field) || strings.HasPrefix(field, userMetadata+".") ||
		strings.HasPrefix(field, appMetadata+".")
}

// BareFields is the fields that a term without a field is looked for in.
var BareFields = []string{
	"name", "nickname", "given_name", "family_name", "email", "username", "phone_number", "user_id",
}

// Folded reports whether a field's values are compared without regard to case.
func Folded(field string) bool {
	switch field {
	case "email", "email.domain", "name", "nickname", "given_name", "family_name":
		return true
	}
	return false
}

// leastLiteral is how many literal characters a pattern needs that begins with an asterisk.
const leastLiteral = 3

// CheckFilter refuses, with a sentence for strangers, what Auth0 refuses of a query that is well-formed: wildcards and
// ranges on user_metadata, and patterns that begin with an asterisk and have few characters.
func CheckFilter(n lucene.Node) error { return lucene.Each(n, checkCondition) }

func checkCondition(n lucene.Node) error {
	switch n := n.(type) {
	case lucene.Range:
		if ofUserMetadata(n.Field) {
			return apierr.New(apierr.Invalid, lucene.Code, "Ranges cannot be used on user_metadata.")
		}
	case lucene.Term:
		switch {
		case n.Pattern == nil:
		case ofUserMetadata(n.Field):
			return apierr.New(apierr.Invalid, lucene.Code, "Wildcards cannot be used on user_metadata.")
		case n.Pattern[0] == "" && n.Literal() < leastLiteral:
			return apierr.Newf(apierr.Invalid, lucene.Code,
				"A term that begins with a wildcard needs at least %d other characters in a row.", leastLiteral)
		}
	}
	return nil
}

func ofUserMetadata(field string) bool {
	return field == userMetadata || strings.HasPrefix(field, userMetadata+".")
}

// ErrFilterTooLarge is the answer to a filter of more conditions than the databases take at once.
var ErrFilterTooLarge = apierr.New(apierr.Invalid, lucene.Code,
	"The query has too many conditions. Please name the fields that words are looked for in, or ask for fewer words at once.")

// ErrSearchTooSlow is the answer to a search that takes longer than SearchTime.
var ErrSearchTooSlow = apierr.New(apierr.Unavailable, "search_timeout",
	"The query exceeded the timeout. Please try refining your search criteria.")

// SearchTime is how long a search may take, as Auth0 has it.
const SearchTime = 2 * time.Second

// Position is a user's place in the order of creation.
type Position struct {
	CreatedAt time.Time
	ID        string
}

// Position gives the user's place.
func (u *User) Position() Position { return Position{CreatedAt: u.CreatedAt, ID: u.ID} }

// Searcher finds users by what is written of them. A user is found from the commit on that wrote it.
type Searcher interface {
	// SearchUsers gives a piece of the users that satisfy the filter and, if asked for, how many there are. Terms are
	// compared with whole values; a field that cannot be searched has no values, and one that cannot be sorted by does not
	// sort. What CheckFilter refuses is refused with its error. ErrFilterTooLarge when the filter is too large, and
	// ErrSearchTooSlow when it takes too long.
	SearchUsers(ctx context.Context, tenantID string, s Search) (found []*User, total int, err error)
	// UsersByEmail gives the users that have exactly this e-mail address, of whichever connections, in the order of
	// creation.
	UsersByEmail(ctx context.Context, tenantID, email string) ([]*User, error)
	// UsersOfConnection gives the next users, in the order of creation, that have an identity at the connection (by name).
	// After is the position of the last one known; zero to begin.
	UsersOfConnection(ctx context.Context, tenantID, connection string, after Position, limit int) ([]*User, error)
	// CountActiveUsers tells how many users have logged in at or after a moment.
	CountActiveUsers(ctx context.Context, tenantID string, since time.Time) (int, error)
}
