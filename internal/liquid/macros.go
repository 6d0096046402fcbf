package liquid

import "regexp"

var macro = regexp.MustCompile(`@@([A-Za-z_][A-Za-z0-9_.]*)@@`)

// Macros replaces the macros of Auth0's syntax md_with_macros (@@password@@, @@application.name@@). What has no value stays as
// it was typed. It cannot hang: values are not looked at again.
//
// Source: https://auth0.com/docs/authenticate/passwordless/authentication-methods/sms-otp.
func Macros(source string, values map[string]string) string {
	return macro.ReplaceAllStringFunc(source, func(typed string) string {
		if v, ok := values[typed[2:len(typed)-2]]; ok {
			return v
		}
		return typed
	})
}
