package job

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"latchkey/internal/account"
	"latchkey/internal/apierr"
	"latchkey/internal/password"
	"latchkey/internal/resource"
	"latchkey/internal/user"
)

// UserError is a user that an import refused, as it stood in the file but for its secrets, and why.
type UserError struct {
	User   any           `json:"user"`
	Errors []ImportError `json:"errors"`
}

// ImportError is one thing that is wrong with a user.
type ImportError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Path    string `json:"path,omitempty"`
}

// The codes of errors (Auth0 docs, "Bulk User Imports", "Retrieve failed entries"). The one for members that the schema
// does not have is missing there; it has the name that its validator gives it.
const (
	codeDuplicated = "DUPLICATED_USER"
	codeConflict   = "CONFLICT"
	codeMFA        = "MFA_FACTORS_FAILED"
	codeNotPassed  = "NOT_PASSED"
	codeFormat     = "FORMAT"
)

// record is one user of a file.
type record struct {
	account.Create
	PasswordHash       string               `json:"password_hash"`
	CustomPasswordHash *password.CustomHash `json:"custom_password_hash"`
	MFAFactors         []any                `json:"mfa_factors"`

	value  any // the element as it stood in the file
	hash   user.Password
	errors []ImportError
}

// maxRecord bounds one user of a file, as JSON: twice what each of the two metadata objects may have.
const maxRecord = 2 << 20

// schemaText is the documented schema of a user in the file.
//
//go:embed import_schema.json
var schemaText []byte

// schema is compiled once.
var schema = sync.OnceValue(func() *jsonschema.Schema {
	const name = "import_schema.json"
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaText))
	if err != nil {
		panic(err) // the text is part of the program
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name, document); err != nil {
		panic(err)
	}
	return c.MustCompile(name)
})

// readRecord reads an element of the file, with what is wrong with it.
func readRecord(raw json.RawMessage) *record {
	r := &record{}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		r.refuse(codeNotPassed, "The element is no JSON value", "")
		return r
	}
	r.value = value
	if len(raw) > maxRecord {
		r.value = nil // too much to show
		r.refuse("MAXIMUM", fmt.Sprintf("The user is too large (%d bytes), maximum %d", len(raw), maxRecord), "")
		return r
	}
	if err := resource.Check(value); err != nil {
		if errors.Is(err, resource.ErrDepth) {
			r.value = nil // nobody could read it
		}
		r.refuse(codeFormat, apierr.As(err).Message, "")
		return r
	}
	var invalid *jsonschema.ValidationError
	if errors.As(schema().Validate(value), &invalid) {
		for _, leaf := range leaves(invalid) {
			r.errors = append(r.errors, explain(leaf, value))
		}
		return r
	}
	if err := json.Unmarshal(raw, r); err != nil {
		// The schema takes numbers that are too large for us.
		r.refuse("INVALID_TYPE", "A number is out of range", "")
		return r
	}
	hash, wrong := r.stored()
	if wrong != nil {
		r.refuse(codeFormat, wrong.Message, wrong.Path)
	}
	r.hash = hash
	return r
}

func (r *record) refuse(code, message, path string) {
	r.errors = append(r.errors, ImportError{code, message, path})
}

// email is the address in the form in which users are found.
func (r *record) email() string { return canonical(r.Email) }

// gives reports whether the file says something about a member.
func (r *record) gives(member string) bool {
	object, _ := r.value.(map[string]any)
	_, given := object[member]
	return given
}

// notices are the errors of a user who is imported nevertheless: a factor is not enrolled by an import.
func (r *record) notices() []ImportError {
	if len(r.MFAFactors) == 0 {
		return nil
	}
	return []ImportError{{codeMFA, "The user was imported without the MFA factors, which this server cannot enroll", "mfa_factors"}}
}

// shown is the element without its secrets, also where one stands under a name that the schema does not have.
func (r *record) shown() any { return hide(r.value, false) }

// hidden is what stands for a secret.
const hidden = "*****"

// secretNames are in the names of members that hold secrets, at any depth; hashSettings are the members below them that do
// not.
var (
	secretNames  = []string{"passw", "hash", "salt", "secret", "mfa_factors"}
	hashSettings = []string{"algorithm", "digest", "encoding", "position"}
)

// isSecret reports whether what stands under a name is secret, where what is around it is or is not.
func isSecret(name string, around bool) bool {
	lower := strings.ToLower(name)
	return around && !slices.Contains(hashSettings, name) ||
		slices.ContainsFunc(secretNames, func(part string) bool { return strings.Contains(lower, part) })
}

// hide gives a copy of a value in which the secrets are stars.
func hide(value any, secret bool) any {
	switch value := value.(type) {
	case map[string]any:
		shown := make(map[string]any, len(value))
		for name, one := range value {
			shown[name] = hide(one, isSecret(name, secret))
		}
		return shown
	case []any:
		shown := make([]any, len(value))
		for i, one := range value {
			shown[i] = hide(one, secret)
		}
		return shown
	}
	if secret {
		return hidden
	}
	return value
}

// hideAt gives a value that stands at a place, or stars.
func hideAt(location []string, value any) any {
	secret := false
	for _, name := range location {
		secret = isSecret(name, secret)
	}
	return hide(value, secret)
}

// refusal explains what the account's rules refuse, which they say in the words of the Management API.
func refusal(err error) (wrong ImportError, known bool) {
	var e *apierr.Error
	if !errors.As(err, &e) || e.Kind != apierr.Invalid {
		return wrong, false
	}
	text := strings.TrimPrefix(e.Message, "Payload validation error: ")
	text, path, _ := strings.Cut(text, " on property ")
	message := strings.Trim(strings.TrimSuffix(text, "."), "'")
	code := codeNotPassed
	for prefix, c := range map[string]string{
		"Missing required property": "OBJECT_REQUIRED", "String is too short": "MIN_LENGTH", "String is too long": "MAX_LENGTH",
		"Object didn't pass validation": codeFormat, "String does not match": "PATTERN",
	} {
		if strings.HasPrefix(message, prefix) {
			code = c
		}
	}
	return ImportError{code, message, strings.TrimSuffix(path, ".")}, true
}

// leaves gives the faults that are not made of others.
func leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if _, not := e.ErrorKind.(*kind.Not); len(e.Causes) == 0 || not {
		return []*jsonschema.ValidationError{e}
	}
	var all []*jsonschema.ValidationError
	for _, cause := range e.Causes {
		all = append(all, leaves(cause)...)
	}
	return all
}

// explain gives a fault the code and the words of the service's validator.
func explain(e *jsonschema.ValidationError, value any) ImportError {
	path := pathOf(e.InstanceLocation)
	at := func(member string) string { return pathOf(append(slices.Clone(e.InstanceLocation), member)) }
	say := func(code, path, format string, args ...any) ImportError {
		return ImportError{code, fmt.Sprintf(format, args...), path}
	}
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		return say("INVALID_TYPE", path, "Expected type %s but found type %s", strings.Join(k.Want, ","), k.Got)
	case *kind.Enum:
		return say("ENUM_MISMATCH", path, "No enum match for: %s", encoded(hideAt(e.InstanceLocation, k.Got)))
	case *kind.Required:
		return say("OBJECT_REQUIRED", at(k.Missing[0]), "Missing required property: %s", k.Missing[0])
	case *kind.AdditionalProperties:
		extra := slices.Sorted(slices.Values(k.Properties))
		return say("OBJECT_ADDITIONAL_PROPERTIES", path, "Additional properties not allowed: %s", strings.Join(extra, ","))
	case *kind.MaxProperties:
		return say("OBJECT_PROPERTIES_MAXIMUM", path, "Too many properties defined (%d), maximum %d", k.Got, k.Want)
	case *kind.MinLength:
		return say("MIN_LENGTH", path, "String is too short (%d chars), minimum %d", k.Got, k.Want)
	case *kind.MaxLength:
		return say("MAX_LENGTH", path, "String is too long (%d chars), maximum %d", k.Got, k.Want)
	case *kind.MinItems:
		return say("ARRAY_LENGTH_SHORT", path, "Array is too short (%d), minimum %d", k.Got, k.Want)
	case *kind.MaxItems:
		return say("ARRAY_LENGTH_LONG", path, "Array is too long (%d), maximum %d", k.Got, k.Want)
	case *kind.Minimum:
		got, _ := k.Got.Float64()
		want, _ := k.Want.Float64()
		return say("MINIMUM", path, "Value %v is less than minimum %v", got, want)
	case *kind.Pattern:
		return say("PATTERN", path, "String does not match pattern %s", k.Want)
	case *kind.Format:
		return say(codeFormat, path, "Object didn't pass validation for format %s: %v", k.Want, hideAt(e.InstanceLocation, k.Got))
	case *kind.Not:
		return forbidden(path, value)
	}
	return say(codeNotPassed, path, "The value is not allowed")
}

// forbidden explains the two rules that say what an element must not have.
func forbidden(path string, value any) ImportError {
	if path == "" {
		return ImportError{codeNotPassed, "password_hash and custom_password_hash are mutually exclusive", "custom_password_hash"}
	}
	object, _ := value.(map[string]any)
	metadata, _ := object[path].(map[string]any)
	var names []string
	for name := range metadata {
		names = append(names, name)
	}
	slices.Sort(names)
	return ImportError{codeNotPassed, "The object has a reserved property among: " + strings.Join(names, ","), path}
}

func encoded(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// pathOf writes a place as the service does: mfa_factors[0].totp.secret.
func pathOf(location []string) string {
	var b strings.Builder
	for n, part := range location {
		switch {
		case part != "" && strings.Trim(part, "0123456789") == "":
			b.WriteString("[" + part + "]")
		case n > 0:
			b.WriteString("." + part)
		default:
			b.WriteString(part)
		}
	}
	return b.String()
}
