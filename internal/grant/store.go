package grant

import (
	"context"
	"time"
)

// Code is an authorization code: the whole decided grant, waiting for its one exchange.
type Code struct {
	ClientID        string    `json:"client_id"`
	UserID          string    `json:"user_id"`
	Connection      string    `json:"connection,omitempty"`
	RedirectURI     string    `json:"redirect_uri"`
	RedirectURISent bool      `json:"redirect_uri_sent"`
	Challenge       string    `json:"challenge,omitempty"`
	ChallengeMethod string    `json:"challenge_method,omitempty"`
	Scope           []string  `json:"scope,omitempty"`     // granted
	Requested       []string  `json:"requested,omitempty"` // asked for
	Audience        string    `json:"audience,omitempty"`
	Nonce           string    `json:"nonce,omitempty"`
	SessionID       string    `json:"sid,omitempty"`
	AuthTime        time.Time `json:"auth_time"`
	ShowAuthTime    bool      `json:"show_auth_time,omitempty"`
	Issuer          string    `json:"issuer"`
	FamilyID        string    `json:"family_id"` // the refresh token family its exchange may start

	UsedAt    time.Time `json:"-"`
	ExpiresAt time.Time `json:"-"`
}

// RefreshToken is one token of a family: every rotation adds one.
type RefreshToken struct {
	FamilyID   string
	Sequence   int
	ClientID   string
	UserID     string
	Audience   string
	Scope      []string
	SessionID  string
	Connection string
	Issuer     string
	Rotating   bool // whether the family rotates: since its first token, or since its client began to
	AuthTime   time.Time
	IssuedAt   time.Time // of this token
	ExpiresAt  time.Time // of the family; zero: never
	UsedAt     time.Time // last exchange; a rotated token was used for good at this time
	RotatedAt  time.Time // when its own successor, or that of a token beside it, replaced it; zero: it is the newest
	RevokedAt  time.Time
	Device     Device // that asked for the family; told when it begins, and then only by the family itself
}

// Device is where a refresh token was used.
type Device struct {
	IP        string
	UserAgent string
}

// Family is all refresh tokens that came from one grant, as one thing that can be shown and revoked.
type Family struct {
	ID          string // public: it opens nothing
	UserID      string
	ClientID    string
	Audience    string
	Scope       []string
	SessionID   string // of the login that gave it, where it had a session
	Rotating    bool
	First, Last Device            // of its beginning and of its last exchange
	Metadata    map[string]string // what the tenant keeps with it; nil when nothing
	CreatedAt   time.Time
	ExchangedAt time.Time // zero: never
	ExpiresAt   time.Time // zero: never
}

// FamilyFilter names families by all of its members that are set; the zero filter names every family of the tenant.
type FamilyFilter struct {
	ID        string
	UserID    string
	ClientID  string
	Audience  string
	SessionID string // with a UserID
	Rotating  *bool
}

// FamilyPosition is a place in a list of families. The zero one is its beginning.
type FamilyPosition struct {
	ClientID  string
	CreatedAt time.Time
	ID        string
}

// ConsentFilter names consents by all of its members that are set; the zero filter names every consent of the tenant.
type ConsentFilter struct {
	ID       string
	UserID   string
	ClientID string
	Audience string
}

// Consent is what a user has allowed a client at an audience.
type Consent struct {
	ID       string
	UserID   string
	ClientID string
	Audience string
	Scope    []string
}

// Pushed is a pushed authorization request (RFC 9126).
type Pushed struct {
	ClientID  string
	Params    map[string]string
	ExpiresAt time.Time
}

// Store keeps codes, refresh tokens, consents and pushed requests. Nothing here is ever cached.
type Store interface {
	// InsertCode writes a code under its hash. A queued write.
	InsertCode(ctx context.Context, tenantID string, hash []byte, c *Code) error
	// CodeByHash gives the code, used or expired ones too, with the hash under which it was found, or nil.
	CodeByHash(ctx context.Context, tenantID string, hashes [][]byte) (c *Code, hash []byte, err error)
	// SpendCode marks the code used where it is unused and lives at now, and tells whether it did: of any number of
	// callers exactly one is told true. Where it did and the code's user is blocked or gone it answers user.ErrBlocked;
	// the code is used all the same, unless the caller's transaction ends with that.
	SpendCode(ctx context.Context, tenantID string, hash []byte, now time.Time) (bool, error)
	// DeleteCodes deletes the unused codes of a user. A queued write.
	DeleteCodes(ctx context.Context, tenantID, userID string) error

	// InsertRefreshToken writes a token under its hash. The first of a family, sequence 1, begins the family; any other
	// adds nothing to it, so that a family that is revoked or gone stays so. A queued write.
	InsertRefreshToken(ctx context.Context, tenantID string, hash []byte, r *RefreshToken) error
	// RefreshTokenByHash gives the token with the hash under which it was found, and the highest sequence in its family;
	// or nil. Rotated, revoked and expired ones too.
	RefreshTokenByHash(ctx context.Context, tenantID string, hashes [][]byte) (r *RefreshToken, hash []byte, latest int, err error)
	// RotateRefreshToken marks the token rotated and used at now, and its family as one that rotates and whose highest
	// sequence is the next, where the token has the highest, its family is not revoked and its user is there and not
	// blocked. It tells whether it did: of any number of callers, with this token or one beside it, exactly one is told
	// true. The family remembers the exchange and its device.
	RotateRefreshToken(ctx context.Context, tenantID string, hash []byte, r *RefreshToken, from Device, now time.Time) (bool, error)
	// UseFamily notes an exchange of the token that leaves its family's sequence as it is, where the highest is latest, it
	// is not revoked and its user is there and not blocked, and tells whether it did. The family stays so until the
	// transaction ends. A token of a family that does not rotate was used at the last such moment.
	UseFamily(ctx context.Context, tenantID string, r *RefreshToken, latest int, from Device, now time.Time) (bool, error)
	// RevokeFamily revokes every token of a family. A queued write.
	RevokeFamily(ctx context.Context, tenantID, familyID string, now time.Time) error
	// RevokeTokens revokes all refresh tokens of a user. A queued write.
	RevokeTokens(ctx context.Context, tenantID, userID string, now time.Time) error
	// RevokeTokensVia revokes those that a login through a connection (by name) began, and those of whom that is not known.
	// A queued write.
	RevokeTokensVia(ctx context.Context, tenantID, userID, connection string, now time.Time) error
	// RevokeGrant revokes the refresh tokens of a user at one client for one audience; the empty audience is that of tokens
	// without one. A queued write.
	RevokeGrant(ctx context.Context, tenantID, userID, clientID, audience string, now time.Time) error
	// RevokeNotRotating is RevokeGrant for families that do not rotate. A queued write.
	RevokeNotRotating(ctx context.Context, tenantID, userID, clientID, audience string, now time.Time) error
	// TrimRefreshTokens deletes the oldest families of a user and client beyond keep; revoked ones neither count nor go. A
	// queued write.
	TrimRefreshTokens(ctx context.Context, tenantID, userID, clientID string, keep int) error

	// Families lists families that are neither revoked nor expired at now, by client, creation and id: at most limit of
	// those that stand behind after in this order, less the first offset of them.
	Families(ctx context.Context, tenantID string, f FamilyFilter, now time.Time, after FamilyPosition, offset, limit int) ([]*Family, error)
	// CountFamilies tells how many Families would list.
	CountFamilies(ctx context.Context, tenantID string, f FamilyFilter, now time.Time) (int, error)
	// RevokeFamilies revokes the families that are named and tells how many it did.
	RevokeFamilies(ctx context.Context, tenantID string, f FamilyFilter, now time.Time) (int, error)
	// SetFamilyMetadata replaces the metadata of a family that is not revoked, and tells whether there was one.
	SetFamilyMetadata(ctx context.Context, tenantID, familyID string, metadata map[string]string) (bool, error)

	// ConsentFor gives what the user has allowed the client at the audience, or nil.
	ConsentFor(ctx context.Context, tenantID, userID, clientID, audience string) (*Consent, error)
	// SaveConsent writes a consent over an older one, whose id stays. A queued write.
	SaveConsent(ctx context.Context, tenantID string, c *Consent, now time.Time) error
	// Consents lists consents by user, client and audience, at most limit of them behind the first offset.
	Consents(ctx context.Context, tenantID string, f ConsentFilter, offset, limit int) ([]*Consent, error)
	// CountConsents tells how many Consents would list.
	CountConsents(ctx context.Context, tenantID string, f ConsentFilter) (int, error)
	// DeleteConsents deletes the consents that are named and gives them. Of any number of callers one gets each.
	DeleteConsents(ctx context.Context, tenantID string, f ConsentFilter) ([]*Consent, error)

	// InsertPushed writes a pushed request under its hash.
	InsertPushed(ctx context.Context, tenantID string, hash []byte, p *Pushed) error
	// TakePushed gives a pushed request and deletes it, or nil: of any number of callers one gets it.
	TakePushed(ctx context.Context, tenantID string, hashes [][]byte) (*Pushed, error)
}
