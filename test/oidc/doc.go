// Package oidc holds the modules of the OpenID Foundation's conformance suite for OpenID providers as Go tests, each under
// the module's own name, so that a run of the real suite (https://gitlab.com/openid/conformance-suite) holds no surprise:
//
//	go test ./test/oidc -run 'TestBasic/oidcc-codereuse'
//
// What a module checks is described in the suite; the code here is our own. ID tokens are verified with an independent
// library, against the keys that discovery leads to. Where Auth0 answers otherwise than the standards say, a module asserts
// Auth0's answer by default and the standard's with our strict settings (docs/divergences.md): the client's
// strict_rfc_errors and the tenant's standard_claims.
package oidc
