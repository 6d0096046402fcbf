package mgmtapi

import (
	"encoding/hex"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"latchkey/internal/connection"
	"latchkey/internal/resource"
)

// prepareDatabase completes the options of a new database connection.
func prepareDatabase(options resource.Document) {
	defaults(options, resource.Document{
		"mfa": resource.Document{"active": true, "return_enroll_settings": true}, "strategy_version": 2.0,
	})
	if options["password_options"] == nil {
		defaults(options, resource.Document{"passwordPolicy": "good"})
	}
	restoreDatabase(options)
}

// restoreDatabase gives options the members that a database connection is never without.
func restoreDatabase(options resource.Document) {
	defaults(options, resource.Document{
		"brute_force_protection": true,
		"passkey_options": resource.Document{
			"challenge_ui": "both", "progressive_enrollment_enabled": true, "local_enrollment_enabled": true,
		},
	})
	if options["authentication_methods"] == nil {
		options["authentication_methods"] = resource.Document{
			"password": resource.Document{"enabled": true, "api_behavior": "required", "signup_behavior": "allow"},
			"passkey":  resource.Document{"enabled": false},
		}
	}
}

// normalizeMethods completes authentication_methods. Where users are found by attributes all four methods are shown. A
// password that is off cannot be required, so "optional" is read into its absence.
func normalizeMethods(options resource.Document) {
	methods := member(options, "authentication_methods")
	if methods == nil {
		return
	}
	names := []string{"password", "passkey"}
	if member(options, "attributes") != nil {
		names = append(names, "email_otp", "phone_otp")
	}
	for _, name := range names {
		if methods[name] == nil {
			methods[name] = resource.Document{"enabled": false}
		}
	}
	password := member(methods, "password")
	behavior := "required"
	if password["enabled"] != true {
		behavior = "optional"
	}
	defaults(password, resource.Document{"api_behavior": behavior, "signup_behavior": "allow"})
}

// normalizePasswordOptions completes the flexible password policy.
func normalizePasswordOptions(options resource.Document) {
	policy := member(options, "password_options")
	if policy == nil {
		return
	}
	absent := resource.Document{
		"complexity": resource.Document{
			"min_length": 15.0, "character_types": []any{}, "character_type_rule": "all", "identical_characters": "allow",
			"sequential_characters": "allow", "max_length_exceeded": "error",
		},
		"profile_data": resource.Document{"active": false, "blocked_fields": []any{
			"name", "username", "nickname", "email", "phone_number", "user_metadata.name", "user_metadata.first", "user_metadata.last",
		}},
		"history":    resource.Document{"active": false, "size": 3.0},
		"dictionary": resource.Document{"active": false, "custom": []any{}, "default": "en_100k"},
	}
	defaults(policy, absent)
	for name, v := range absent {
		if part := member(policy, name); part != nil {
			defaults(part, v.(resource.Document))
		}
	}
}

// checkDatabase holds the options of a database connection to the rules between them. Options that stay as they are
// are not judged again.
func checkDatabase(before, after resource.Document) error {
	raw := member(after, "options")
	if before != nil && reflect.DeepEqual(raw, member(before, "options")) {
		return nil
	}
	var o connection.DatabaseOptions
	text, err := json.Marshal(raw)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &o); err != nil {
		return invalidBody("Payload validation error: 'The options have the wrong form'.")
	}
	if o.Attributes != nil {
		if o.RequiresUsername {
			return invalidBody("Cannot set both options.attributes and options.requires_username")
		}
		if raw["validation"] != nil {
			return invalidBody("Cannot set both options.attributes and options.validation")
		}
		if err := checkAttributes(before, o.Attributes); err != nil {
			return err
		}
	}
	if err := checkMethods(&o, raw); err != nil {
		return err
	}
	if o.PasswordOptions != nil {
		for _, legacy := range []string{"passwordPolicy", "password_complexity_options", "password_history", "password_no_personal_info", "password_dictionary"} {
			if raw[legacy] != nil {
				return invalidBody("Cannot set both options.password_options and options.%s", legacy)
			}
		}
		if c := o.PasswordOptions.Complexity; c != nil && c.CharacterTypeRule == "three_of_four" && len(c.CharacterTypes) != 4 {
			return invalidBody("options.password_options.complexity.character_types must hold all four types for the rule three_of_four")
		}
	}
	if member(before, "options")["enable_script_context"] == true && raw["enable_script_context"] != true {
		return invalidBody("options.enable_script_context cannot be disabled once enabled")
	}
	return nil
}

// checkAttributes: Auth0 docs, "Activate Flexible Identifiers and Attributes".
func checkAttributes(before resource.Document, a *connection.Attributes) error {
	named := []struct {
		name string
		*connection.Attribute
	}{{"email", a.Email}, {"phone_number", a.PhoneNumber}, {"username", a.Username}}
	active := false
	for _, one := range named {
		if one.Attribute == nil {
			continue
		}
		active = active || one.Identifier.Active
		if one.ProfileRequired && one.Signup != nil && one.Signup.Status != "required" {
			return invalidBody("attribute %s must also be required on signup", one.name)
		}
	}
	if !active {
		return invalidBody("attributes must contain one active identifier")
	}
	if a.Email != nil && a.Email.Unique != nil && !*a.Email.Unique {
		if a.Email.Identifier.Active {
			return invalidBody("attribute email must be unique when it is an identifier")
		}
		if before != nil && member(member(member(before, "options"), "attributes"), "email") == nil {
			return invalidBody("cannot add non-unique email attribute")
		}
	}
	return nil
}

// checkMethods: Auth0 docs, "Passwordless for Database Connections". At least one way to log in remains, and what is
// without passwords proves its identifiers by codes.
func checkMethods(o *connection.DatabaseOptions, raw resource.Document) error {
	m := o.AuthenticationMethods
	if m == nil {
		return nil
	}
	enabled := func(one *connection.Method) bool { return one != nil && one.Enabled }
	otp := enabled(m.EmailOTP) || enabled(m.PhoneOTP)
	password := m.Password == nil || m.Password.Enabled
	if otp && o.Attributes == nil {
		return invalidBody("options.attributes is required when email_otp or phone_otp is enabled")
	}
	if password {
		if m.Password != nil && m.Password.SignupBehavior == "block" && m.Password.APIBehavior == "required" {
			return invalidBody("authentication_methods.password.api_behavior must be optional when signup_behavior is block")
		}
		return checkDefaultMethods(o, true)
	}
	switch {
	case enabled(m.Passkey) && !otp:
		return invalidBody("passkey requires another authentication method")
	case !otp:
		return invalidBody("authentication_methods.password cannot be disabled unless email_otp or phone_otp is enabled")
	case m.Password.APIBehavior == "required":
		return invalidBody("authentication_methods.password.api_behavior must be optional when password is disabled")
	}
	if a := o.Attributes.Username; a != nil && a.Identifier.Active {
		return invalidBody("attribute username cannot be an identifier when password is disabled")
	}
	for name, a := range map[string]*connection.Attribute{"email": o.Attributes.Email, "phone_number": o.Attributes.PhoneNumber} {
		if a == nil || !a.Identifier.Active || a.Signup == nil || a.Signup.Status == "inactive" {
			continue
		}
		unverified := a.Signup.Verification != nil && !a.Signup.Verification.Active
		if unverified || (name == "email" && a.VerificationMethod == "link") {
			return invalidBody("attribute %s must be verified with otp on signup when password is disabled", name)
		}
	}
	return checkDefaultMethods(o, false)
}

// checkDefaultMethods refuses a first screen for a method that is off.
func checkDefaultMethods(o *connection.DatabaseOptions, password bool) error {
	if o.Attributes == nil {
		return nil
	}
	m := o.AuthenticationMethods
	on := map[string]bool{
		"": true, "password": password, "email_otp": m.EmailOTP != nil && m.EmailOTP.Enabled, "phone_otp": m.PhoneOTP != nil && m.PhoneOTP.Enabled,
	}
	for _, a := range []*connection.Attribute{o.Attributes.Email, o.Attributes.PhoneNumber} {
		if a != nil && !on[a.Identifier.DefaultMethod] {
			return invalidBody("default_method %s is not enabled", a.Identifier.DefaultMethod)
		}
	}
	return nil
}

// Settings of the tenant's own scripts are secrets: they are kept sealed, and readers see a text that stands for the value
// and that may be sent back to keep it.

const sealedSetting = "$sealed:"

// opaque is what stands for a script setting.
func opaque(r *request, connectionID, name, stored string) string {
	return "2.0$" + hex.EncodeToString(r.Seal.StableHash("connection configuration", r.tenantID()+connectionID+name+stored))
}

// keepConfiguration seals new script settings and keeps those that come back as they were shown.
func keepConfiguration(r *request, connectionID string, before, options resource.Document) error {
	configuration := member(options, "configuration")
	old := member(before, "configuration")
	for name, v := range configuration {
		value, isText := v.(string)
		if !isText {
			delete(configuration, name)
			continue
		}
		if stored, _ := old[name].(string); stored != "" && value == opaque(r, connectionID, name, stored) {
			configuration[name] = stored
			continue
		}
		sealed, err := r.Seal.Seal([]byte(value), r.tenantID(), string(resource.Connections), "options.configuration."+name, connectionID)
		if err != nil {
			return err
		}
		configuration[name] = sealedSetting + hex.EncodeToString(sealed)
	}
	return nil
}

// sealedConfiguration gives the script settings of a connection as they are sealed, by their paths.
func sealedConfiguration(stored *resource.Resource) map[string][]byte {
	found := map[string][]byte{}
	for name, v := range member(member(stored.Document, "options"), "configuration") {
		kept, _ := v.(string)
		text, isSealed := strings.CutPrefix(kept, sealedSetting)
		if sealed, err := hex.DecodeString(text); isSealed && err == nil {
			found["options.configuration."+name] = sealed
		}
	}
	return found
}

// strategies that the product knows.
var strategies = []connection.Strategy{connection.Email, connection.SMS, connection.Database}

func supported(s connection.Strategy) bool { return slices.Contains(strategies, s) }
