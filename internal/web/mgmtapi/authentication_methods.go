package mgmtapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"latchkey/internal/contact"
	"latchkey/internal/ident"
	"latchkey/internal/resource"
	"latchkey/internal/user"
)

// Authentication methods: Auth0 docs, "Manage Authentication Methods with Management API". They are kept with their user;
// the factors that will ask for them come with multi-factor authentication.

// authenticationMethods is the kind of a user's items that are authentication methods.
const authenticationMethods = "authentication_method"

// sealedSecret is the note of a TOTP secret in a method's document.
const sealedSecret = "$totp_secret"

// mostMethods is how many authentication methods a user has room for (ours).
const mostMethods = 100

var (
	errNoMethod      = notFoundError("", "The authentication method does not exist.")
	errMethodExists  = conflict("Authentication method already exists.")
	errItemLimit     = problem{Status: 403, Message: "You reached the limit of entities of this type for this user."}
	errPasskeyStands = problem{Status: 403, Message: "Operation not permitted when the user has registered at least 1 passkey"}
)

func (a *api) authenticationMethods() []route {
	read, create := anyOf("read:authentication_methods"), anyOf("create:authentication_methods")
	update, remove := anyOf("update:authentication_methods"), anyOf("delete:authentication_methods")
	users := anyOf("update:users")
	return []route{
		{"GET /users/{id}/authentication-methods", "Get a list of authentication methods", read, listMethods},
		{"POST /users/{id}/authentication-methods", "Creates an authentication method for a given user", create, createMethod},
		{"PUT /users/{id}/authentication-methods", "Update all authentication methods by replacing them", update, replaceMethods},
		{"DELETE /users/{id}/authentication-methods", "Delete all authentication methods for the given user", remove, deleteMethods},
		{"GET /users/{id}/authentication-methods/{authentication_method_id}", "Get an authentication method by ID", read, getMethod},
		{"PATCH /users/{id}/authentication-methods/{authentication_method_id}", "Update an authentication method", update, updateMethod},
		{"DELETE /users/{id}/authentication-methods/{authentication_method_id}", "Delete an authentication method by ID", remove, deleteMethod},

		{"DELETE /users/{id}/authenticators", "Delete All Authenticators", anyOf("delete:guardian_enrollments"), deleteAuthenticators},
		{"GET /users/{id}/enrollments", "Get the First Multi-factor Authentication Enrollment", anyOf("read:users", "read:current_user"), listEnrollments},
		{"DELETE /users/{id}/multifactor/{provider}", "Delete a User's Multi-factor Provider", users, existing(changedNothing)},
		{"POST /users/{id}/multifactor/actions/invalidate-remember-browser", "Invalidate All Remembered Browsers for Multi-factor Authentication", users, existing(changedNothing)},
		{"POST /users/{id}/recovery-code-regeneration", "Generate New Multi-factor Authentication Recovery Code", users, existing(noRecoveryCode)},
		{"POST /users/{id}/risk-assessments/clear", "Clear risk assessment assessors for a specific user", users, existing(changedNothing)},
	}
}

// method is an authentication method as it is stored.
type method struct {
	user.Item
	d resource.Document
}

// methods reads the authentication methods of the user of the path.
func (r *request) methods(ctx context.Context) ([]method, error) {
	u, err := r.Users.User(ctx, r.tenantID(), r.path("id"))
	if err != nil {
		return nil, err
	}
	items, err := r.Users.UserItems(ctx, r.tenantID(), u.ID, authenticationMethods)
	if err != nil {
		return nil, err
	}
	all := make([]method, len(items))
	for i, item := range items {
		all[i].Item = item
		if err := json.Unmarshal(item.Document, &all[i].d); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// numbersShown tells whether the tenant wants to see whole telephone numbers.
func (r *request) numbersShown(ctx context.Context) (bool, error) {
	stored, err := tenantSettings.read(r, ctx)
	if err != nil {
		return false, err
	}
	return member(stored.Document, "flags")["disable_management_api_sms_obfuscation"] == true, nil
}

// show gives a method as it is read: only the ends of addresses, and of numbers too unless they are to be seen.
func (m method) show(numbers bool) resource.Document {
	shown := clone(m.d)
	delete(shown, sealedSecret)
	shown["id"], shown["created_at"], shown["confirmed"] = m.ID, stamp(m.CreatedAt), true
	if email := text(shown, "email"); email != "" {
		shown["email"] = maskEmail(email)
	}
	if number := text(shown, "phone_number"); number != "" && !numbers {
		shown["phone_number"] = maskNumber(number)
	}
	return shown
}

// written gives a method as the call that wrote it is answered.
func (m method) written(secret string) resource.Document {
	shown := clone(m.d)
	delete(shown, sealedSecret)
	shown["id"], shown["created_at"] = m.ID, stamp(m.CreatedAt)
	if secret != "" {
		shown["totp_secret"] = secret
	}
	return shown
}

// maskEmail leaves the beginnings of both parts of an address: "chuc****@exam*******".
func maskEmail(email string) string {
	local, domain, _ := strings.Cut(email, "@")
	return maskRest(local) + "@" + maskRest(domain)
}

// maskRest leaves four characters at most, and never more than half.
func maskRest(text string) string {
	n := utf8.RuneCountInString(text)
	kept := min(4, n/2)
	return string([]rune(text)[:kept]) + strings.Repeat("*", n-kept)
}

// maskNumber leaves the last four digits of a telephone number.
func maskNumber(number string) string {
	hidden := max(len(number)-4, 0)
	return strings.Repeat("X", hidden) + number[hidden:]
}

func listMethods(r *request) (answer, error) {
	all, err := r.methods(r.ctx())
	if err != nil {
		return answer{}, err
	}
	numbers, err := r.numbersShown(r.ctx())
	if err != nil {
		return answer{}, err
	}
	return slice(r, r.paging(defaultPage), "authenticators", all, func(m method) (resource.Document, error) { return m.show(numbers), nil })
}

// methodsToChange reads the authentication methods of the user of the path and keeps others from changing them until the
// commit.
func (r *request) methodsToChange(ctx context.Context) ([]method, error) {
	if err := r.Users.LockUser(ctx, r.tenantID(), r.path("id")); err != nil {
		return nil, err
	}
	return r.methods(ctx)
}

// methodOfPath finds the method of the path among those of its user, unless these could not be read.
func (r *request) methodOfPath(all []method, err error) (method, error) {
	if err != nil {
		return method{}, err
	}
	at := slices.IndexFunc(all, func(m method) bool { return m.ID == r.path("authentication_method_id") })
	if at < 0 {
		return method{}, errNoMethod
	}
	return all[at], nil
}

func getMethod(r *request) (answer, error) {
	m, err := r.methodOfPath(r.methods(r.ctx()))
	if err != nil {
		return answer{}, err
	}
	numbers, err := r.numbersShown(r.ctx())
	if err != nil {
		return answer{}, err
	}
	return ok(m.show(numbers))
}

// newMethod reads a method from a payload. The answer is the method and its TOTP secret in clear.
func (r *request) newMethod(in resource.Document) (method, string, error) {
	d := clone(in)
	id := text(d, "type") + "|" + ident.Prefixed("dev", 16)
	secret := text(d, "totp_secret")
	delete(d, "totp_secret")
	if err := checkMethod(d, secret); err != nil {
		return method{}, "", err
	}
	if secret != "" {
		sealed, err := r.Seal.Seal([]byte(secret), r.tenantID(), authenticationMethods, "totp_secret", r.path("id"), id)
		if err != nil {
			return method{}, "", err
		}
		d[sealedSecret] = base64.StdEncoding.EncodeToString(sealed)
	}
	m := method{Item: user.Item{UserID: r.path("id"), Kind: authenticationMethods, ID: id, CreatedAt: r.now()}, d: d}
	return m, secret, m.pack()
}

// pack writes the method's document.
func (m *method) pack() (err error) {
	m.Document, err = json.Marshal(m.d)
	return err
}

var (
	base32Secret = regexp.MustCompile(`^[A-Z2-7]+=*$`)
	phoneNumber  = regexp.MustCompile(`^\+[0-9]{1,15}$`)
)

// checkMethod holds a method to what its type needs, and writes its addresses in the form in which they are kept.
func checkMethod(d resource.Document, secret string) error {
	missing := func(name string) error {
		return invalidBody("Payload validation error: 'Missing required property: %s'.", name)
	}
	if err := checkLength(d, "name", mostMethodName); err != nil {
		return err
	}
	switch text(d, "type") {
	case "totp":
		if secret == "" {
			return missing("totp_secret")
		}
		if !base32Secret.MatchString(secret) {
			return invalidBody("The totp_secret is not encoded in base32.")
		}
	case "email":
		if text(d, "email") == "" {
			return missing("email")
		}
		email, err := contact.Email(text(d, "email"))
		if err != nil {
			return invalidBody("Payload validation error: 'Object didn't pass validation for format email: %s' on property email.", text(d, "email"))
		}
		d["email"] = email
	case "phone":
		if text(d, "phone_number") == "" {
			return missing("phone_number")
		}
		if !phoneNumber.MatchString(text(d, "phone_number")) {
			return invalidBody("Payload validation error: 'String does not match pattern %s' on property phone_number.", phoneNumber)
		}
		defaults(d, resource.Document{"preferred_authentication_method": "sms"})
	case "webauthn-roaming", "passkey":
		for _, name := range []string{"key_id", "public_key"} {
			if text(d, name) == "" {
				return missing(name)
			}
		}
	}
	return nil
}

// mostMethodName is how long the name of a method may be (Auth0 Management API, "Update an authentication method").
const mostMethodName = 20

// checkLength refuses a text that is longer than a bound which the schema does not have.
func checkLength(d resource.Document, name string, most int) error {
	if n := utf8.RuneCountInString(text(d, name)); n > most {
		return invalidBody("Payload validation error: 'String is too long (%d chars), maximum %d' on property %s.", n, most, name)
	}
	return nil
}

// same reports whether two methods are of the same type and address the same thing. A user has one TOTP secret.
func (m method) same(other method) bool {
	if m.d["type"] != other.d["type"] {
		return false
	}
	for typ, name := range map[string]string{"email": "email", "phone": "phone_number", "webauthn-roaming": "key_id", "passkey": "key_id"} {
		if m.d["type"] == typ {
			return m.d[name] == other.d[name]
		}
	}
	return true
}

func createMethod(r *request) (answer, error) {
	m, secret, err := r.newMethod(r.doc())
	if err != nil {
		return answer{}, err
	}
	return r.commitUser(func(ctx context.Context) (answer, error) {
		all, err := r.methodsToChange(ctx)
		switch {
		case err != nil:
			return answer{}, err
		case slices.ContainsFunc(all, m.same):
			return answer{}, errMethodExists
		case len(all) >= mostMethods:
			return answer{}, errItemLimit
		}
		if err := r.Users.PutUserItem(ctx, r.tenantID(), m.Item); err != nil {
			return answer{}, err
		}
		return created(m.written(secret))
	})
}

// replaceMethods makes the methods of a payload all that a user has.
func replaceMethods(r *request) (answer, error) {
	list, _ := r.body.([]any)
	if len(list) > mostMethods {
		return answer{}, errItemLimit
	}
	fresh, shown := make([]method, len(list)), make([]resource.Document, len(list))
	for i, one := range list {
		in, _ := one.(map[string]any)
		m, secret, err := r.newMethod(in)
		if err != nil {
			return answer{}, err
		}
		if slices.ContainsFunc(fresh[:i], m.same) {
			return answer{}, errMethodExists
		}
		fresh[i], shown[i] = m, m.written(secret)
	}
	return r.commitUser(func(ctx context.Context) (answer, error) {
		if err := r.dropMethods(ctx); err != nil {
			return answer{}, err
		}
		for _, m := range fresh {
			if err := r.Users.PutUserItem(ctx, r.tenantID(), m.Item); err != nil {
				return answer{}, err
			}
		}
		return ok(shown)
	})
}

// dropMethods deletes all methods of the user of the path, unless one is a passkey.
func (r *request) dropMethods(ctx context.Context) error {
	all, err := r.methodsToChange(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(m method) bool { return m.d["type"] == "passkey" }) {
		return errPasskeyStands
	}
	return r.removeMethods(ctx, all)
}

func (r *request) removeMethods(ctx context.Context, all []method) error {
	for _, m := range all {
		if _, err := r.Users.DeleteUserItem(ctx, r.tenantID(), m.UserID, authenticationMethods, m.ID); err != nil {
			return err
		}
	}
	return nil
}

func deleteMethods(r *request) (answer, error) {
	return r.commitUser(func(ctx context.Context) (answer, error) {
		if err := r.dropMethods(ctx); err != nil {
			return answer{}, err
		}
		return noContent()
	})
}

func updateMethod(r *request) (answer, error) {
	return r.commitUser(func(ctx context.Context) (answer, error) {
		m, err := r.methodOfPath(r.methodsToChange(ctx))
		if err != nil {
			return answer{}, err
		}
		if r.doc()["preferred_authentication_method"] != nil && m.d["type"] != "phone" {
			return answer{}, invalidBody("Only methods of type phone have a preferred_authentication_method.")
		}
		merge(m.d, clone(r.doc()), nil)
		if err := checkLength(m.d, "name", mostMethodName); err != nil {
			return answer{}, err
		}
		if err := m.pack(); err != nil {
			return answer{}, err
		}
		if err := r.Users.PutUserItem(ctx, r.tenantID(), m.Item); err != nil {
			return answer{}, err
		}
		numbers, err := r.numbersShown(ctx)
		if err != nil {
			return answer{}, err
		}
		return ok(m.show(numbers))
	})
}

func deleteMethod(r *request) (answer, error) {
	return r.commitUser(func(ctx context.Context) (answer, error) {
		m, err := r.methodOfPath(r.methodsToChange(ctx))
		if err != nil {
			return answer{}, err
		}
		if err := r.removeMethods(ctx, []method{m}); err != nil {
			return answer{}, err
		}
		return noContent()
	})
}

// deleteAuthenticators deletes second factors; passkeys, with which a user logs in, stay.
func deleteAuthenticators(r *request) (answer, error) {
	return r.commitUser(func(ctx context.Context) (answer, error) {
		all, err := r.methodsToChange(ctx)
		if err != nil {
			return answer{}, err
		}
		factors := slices.DeleteFunc(all, func(m method) bool { return m.d["type"] == "passkey" })
		if err := r.removeMethods(ctx, factors); err != nil {
			return answer{}, err
		}
		return noContent()
	})
}

// enrollmentNames are what enrollments call the types of methods.
var enrollmentNames = map[string]string{"totp": "authenticator", "phone": "sms", "webauthn-roaming": "webauthn-roaming"}

// listEnrollments shows the second factors of a user in the older form.
func listEnrollments(r *request) (answer, error) {
	all, err := r.methods(r.ctx())
	if err != nil {
		return answer{}, err
	}
	numbers, err := r.numbersShown(r.ctx())
	if err != nil {
		return answer{}, err
	}
	items := []resource.Document{}
	for _, m := range all {
		name, isFactor := enrollmentNames[text(m.d, "type")]
		if !isFactor {
			continue
		}
		shown := m.show(numbers)
		item := resource.Document{"id": m.ID, "status": "confirmed", "type": name, "auth_method": name, "enrolled_at": shown["created_at"]}
		for _, member := range []string{"name", "phone_number"} {
			if v := shown[member]; v != nil {
				item[member] = v
			}
		}
		items = append(items, item)
	}
	return ok(items)
}

// existing looks for the user of the path first.
func existing(do func(*request) (answer, error)) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		if _, err := r.existingUser("id"); err != nil {
			return answer{}, err
		}
		return do(r)
	}
}

// changedNothing answers for what no user of this server has: providers of factors, remembered browsers, assessments.
func changedNothing(r *request) (answer, error) {
	return r.commitUser(func(context.Context) (answer, error) { return noContent() })
}

func noRecoveryCode(*request) (answer, error) { return answer{}, errNoEnrollment }
