package connection

// DatabaseOptions are the options of database connections (strategy auth0; Auth0 docs, "Activate Flexible Identifiers and
// Attributes" and "Database Connections"). Absent members have the defaults that the methods give.
type DatabaseOptions struct {
	// Attributes say what users have and by what they are found; nil is a connection with legacy identifiers: the e-mail
	// address, and the username where RequiresUsername says so.
	Attributes            *Attributes            `json:"attributes,omitempty"`
	AuthenticationMethods *AuthenticationMethods `json:"authentication_methods,omitempty"`

	RequiresUsername bool `json:"requires_username,omitempty"`
	Validation       *struct {
		Username *Length `json:"username,omitempty"`
	} `json:"validation,omitempty"`

	PasswordPolicy     string `json:"passwordPolicy,omitempty"` // none, low, fair, good, excellent
	PasswordComplexity *struct {
		MinLength int `json:"min_length,omitempty"`
	} `json:"password_complexity_options,omitempty"`
	PasswordHistory *struct {
		Enable bool `json:"enable"`
		Size   int  `json:"size,omitempty"`
	} `json:"password_history,omitempty"`
	PasswordNoPersonalInfo *struct {
		Enable bool `json:"enable"`
	} `json:"password_no_personal_info,omitempty"`
	PasswordDictionary *struct {
		Enable     bool     `json:"enable"`
		Dictionary []string `json:"dictionary,omitempty"`
	} `json:"password_dictionary,omitempty"`
	// PasswordOptions is the newer form of the five members above; where it is set, they are not.
	PasswordOptions *PasswordOptions `json:"password_options,omitempty"`

	ImportMode             bool `json:"import_mode,omitempty"`
	DatabaseCustomization  bool `json:"enabledDatabaseCustomization,omitempty"`
	DisableSelfServiceSet  bool `json:"disable_self_service_change_password,omitempty"`
	CustomPasswordHashWith *struct {
		ActionID string `json:"action_id"`
	} `json:"custom_password_hash,omitempty"`
}

// UniqueEmail reports whether no two users of a database connection have the same e-mail address: always where it finds them.
func (o *DatabaseOptions) UniqueEmail() bool {
	if o.Attributes == nil || o.Attributes.Email == nil {
		return true
	}
	e := o.Attributes.Email
	return e.Unique == nil || *e.Unique || e.Identifier.Active
}

// UniquePhone reports the same of the number: people may share one that finds nobody.
func (o *DatabaseOptions) UniquePhone() bool {
	return o.Attributes != nil && o.Attributes.PhoneNumber != nil && o.Attributes.PhoneNumber.Identifier.Active
}

// Length bounds a text in characters.
type Length struct {
	Min int `json:"min,omitempty"`
	Max int `json:"max,omitempty"`
}

// Attributes are the attributes of a database connection's users.
type Attributes struct {
	Email       *Attribute `json:"email,omitempty"`
	PhoneNumber *Attribute `json:"phone_number,omitempty"`
	Username    *Attribute `json:"username,omitempty"`
}

// Attribute says what one attribute is for.
type Attribute struct {
	Identifier struct {
		Active        bool   `json:"active"`
		DefaultMethod string `json:"default_method,omitempty"` // password, email_otp, phone_otp
	} `json:"identifier"`
	Unique             *bool  `json:"unique,omitempty"` // e-mail only; true unless set
	ProfileRequired    bool   `json:"profile_required"`
	VerificationMethod string `json:"verification_method,omitempty"` // e-mail only: link (default), otp
	Signup             *struct {
		Status       string `json:"status,omitempty"` // required, optional, inactive
		Verification *struct {
			Active bool `json:"active"`
		} `json:"verification,omitempty"`
	} `json:"signup,omitempty"`
	Validation *struct {
		MinLength    int `json:"min_length,omitempty"`
		MaxLength    int `json:"max_length,omitempty"`
		AllowedTypes *struct {
			Email       bool `json:"email"`
			PhoneNumber bool `json:"phone_number"`
		} `json:"allowed_types,omitempty"`
	} `json:"validation,omitempty"`
}

// AuthenticationMethods say how users of a database connection may prove themselves.
type AuthenticationMethods struct {
	Password *struct {
		Enabled        bool   `json:"enabled"`
		APIBehavior    string `json:"api_behavior,omitempty"`    // required (default), optional
		SignupBehavior string `json:"signup_behavior,omitempty"` // allow (default), block
	} `json:"password,omitempty"`
	Passkey  *Method `json:"passkey,omitempty"`
	EmailOTP *Method `json:"email_otp,omitempty"`
	PhoneOTP *Method `json:"phone_otp,omitempty"`
}

// Method switches one way to log in on or off.
type Method struct {
	Enabled bool `json:"enabled"`
}

// PasswordOptions are the flexible password policy (Auth0 docs, "Password Options in Auth0 Database Connections").
type PasswordOptions struct {
	Complexity *struct {
		MinLength            int      `json:"min_length,omitempty"`
		CharacterTypes       []string `json:"character_types,omitempty"` // uppercase, lowercase, number, special
		CharacterTypeRule    string   `json:"character_type_rule,omitempty"`
		IdenticalCharacters  string   `json:"identical_characters,omitempty"`  // allow, block
		SequentialCharacters string   `json:"sequential_characters,omitempty"` // allow, block
		MaxLengthExceeded    string   `json:"max_length_exceeded,omitempty"`   // truncate, error
	} `json:"complexity,omitempty"`
	ProfileData *struct {
		Active        bool     `json:"active"`
		BlockedFields []string `json:"blocked_fields,omitempty"`
	} `json:"profile_data,omitempty"`
	History *struct {
		Active bool `json:"active"`
		Size   int  `json:"size,omitempty"`
	} `json:"history,omitempty"`
	Dictionary *struct {
		Active  bool     `json:"active"`
		Custom  []string `json:"custom,omitempty"`
		Default string   `json:"default,omitempty"` // en_10k, en_100k
	} `json:"dictionary,omitempty"`
}
