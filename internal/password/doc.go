// Package password hashes, verifies and judges the passwords of database connections.
//
// New hashes are argon2id with 19 MiB, two passes and one lane (OWASP Password Storage Cheat Sheet), in PHC form. What an
// import brings is kept as it came, in one of these forms, all of which Verify understands, and NeedsRehash tells that it
// wants to be hashed anew when its owner next logs in:
//
//	$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>      also argon2i and argon2d
//	$2b$10$<salt and hash>                            bcrypt, also $2a$ and $2y$
//	$pbkdf2-sha256$i=100000,l=64$<salt>$<hash>        any digest we know
//	$scrypt$ln=14,r=8,p=1$<salt>$<hash>
//	$latchkey$<algorithm>$<parameters>$<salt>$<hash>  digests, HMACs, and the above where the password was salted or
//	                                                  encoded before it was hashed; see foreign.go
//
// bcrypt reads 72 bytes. A longer password is refused here and never cut silently; only a connection whose options say
// max_length_exceeded "truncate" has it cut, by Fit.
//
// Hashing takes memory by design, so a Hasher bounds how much all of it may take at once; whoever comes later waits, and
// where too many wait already is told that the service is busy.
//
// The policy (Strength, Dictionary, personal data, History) is Auth0's: the five levels with their companions, and the
// newer password_options.
//
// Sources: https://auth0.com/docs/authenticate/database-connections/password-strength,
// https://auth0.com/docs/authenticate/database-connections/password-options,
// https://auth0.com/docs/manage-users/user-migration/bulk-user-import-database-schema-and-examples, RFC 9106 (argon2),
// RFC 7914 (scrypt), RFC 8018 (PBKDF2), RFC 2307 section 5.3 (LDAP).
package password
