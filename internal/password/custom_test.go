package password_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"latchkey/internal/password"
)

func imported(t *testing.T, document string) password.CustomHash {
	t.Helper()
	var c password.CustomHash
	if err := json.Unmarshal([]byte(document), &c); err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	return c
}

// The hashes were made by Python's hashlib, OpenSSL, libxcrypt and the reference implementation of argon2.
func TestImport_VerifiesWhatOtherSystemsHashed(t *testing.T) {
	t.Parallel()
	h := password.New(0)
	for _, c := range []struct{ document, password string }{
		{`{"algorithm":"md4","hash":{"value":"B4FE5D2AD49F136F957A7A6B1C029CD2","encoding":"hex"}}`, "correct horse"},
		{`{"algorithm":"md5","hash":{"value":"de8498eb12b0309737310c8971cfc7a2","encoding":"hex"},"salt":{"value":"salt"}}`, "correct horse"},
		{`{"algorithm":"md5","hash":{"value":"0f8ace3b2b97fc3820def0a5a79cf93a","encoding":"hex"},"salt":{"value":"c2FsdA==","encoding":"base64","position":"suffix"}}`, "correct horse"},
		{`{"algorithm":"sha1","hash":{"value":"619a8b7fb0e2b3f5d24ab3bc0b53ce167a50f893","encoding":"hex"},"salt":{"value":"73616C74","encoding":"hex","position":"prefix"}}`, "correct horse"},
		{`{"algorithm":"sha256","hash":{"value":"n-NyCAC8BTzorAU7AQEsEfh4qDAh0HpRtPLX0dsQdAo","encoding":"base64"},"salt":{"value":"salt","position":"suffix"}}`, "correct horse"},
		{`{"algorithm":"sha512","hash":{"value":"ec80ebc3479024cb9152a44419d08b7eb213acdf3fc736fab4494604a842d00305fe6f4fd94a76857897fb0a683f1112dbfb2b0fb1b7acc28b1d5bb26debc79c","encoding":"hex"},"salt":{"value":"salt"}}`, "correct horse"},
		{`{"algorithm":"sha256","hash":{"value":"906ebbec35d7aba42e51fd22d5f08d21499371893451c186dc153594e1250e2e","encoding":"hex"},"password":{"encoding":"utf16le"}}`, "pässword"},
		{`{"algorithm":"sha256","hash":{"value":"906ebbec35d7aba42e51fd22d5f08d21499371893451c186dc153594e1250e2e","encoding":"hex"},"password":{"encoding":"ucs2"}}`, "pässword"},
		{`{"algorithm":"sha256","hash":{"value":"fe699eee1c6a654b6699f92e2d5e06a00e220b91495190eceac3eff8140f2986","encoding":"hex"},"password":{"encoding":"latin1"}}`, "pässword"},
		{`{"algorithm":"hmac","hash":{"value":"44e3e82cc8147e6b101da4bb0e4702eb","encoding":"hex","digest":"md4","key":{"value":"key"}}}`, "correct horse"},
		{`{"algorithm":"hmac","hash":{"value":"m8YQPlzIjIHqnaTaJS2LPg==","encoding":"base64","digest":"md5","key":{"value":"key"}}}`, "correct horse"},
		{`{"algorithm":"hmac","hash":{"value":"0bb113430a48f002d18a3a867e141a4df06db1b8","encoding":"hex","digest":"ripemd160","key":{"value":"6b6579","encoding":"hex"}}}`, "correct horse"},
		{`{"algorithm":"hmac","hash":{"value":"s2uUT1Az8PqXZ7a7IL+fewdfTro=","encoding":"base64","digest":"sha1","key":{"value":"a2V5","encoding":"base64"}}}`, "correct horse"},
		{`{"algorithm":"hmac","hash":{"value":"T5PLGl1wQtne9rHLZDH7JpZ9sgYIxjSEGn8vGA==","encoding":"base64","digest":"sha224","key":{"value":"key"}}}`, "correct horse"},
		{`{"algorithm":"hmac","hash":{"value":"lVyjvVvpaB8N5ONm8dM6F/d93h72TyOUtfk5qtOdviY=","encoding":"base64","digest":"sha256","key":{"value":"key"}}}`, "correct horse"},
		{`{"algorithm":"hmac","hash":{"value":"DGt53rAvsyDfO8Tab3vEhUgXsKJ6/cjQIvZvJfuW4tEv8EM3iN9YZkwuqPe5DC9k","encoding":"base64","digest":"sha384","key":{"value":"key"}}}`, "correct horse"},
		{`{"algorithm":"hmac","hash":{"value":"FsxPlZqlM40ROK1dI0D2zm/ZF/qSrMFTMxv9nDA1r9ZlSXEuwMEIwvWlBaqDPGazH8iWDV/l+r7bx+P9UgX1rg==","encoding":"base64","digest":"sha512","key":{"value":"key"}}}`, "correct horse"},
		{`{"algorithm":"ldap","hash":{"value":"{MD5}PLTnMmMfR+brlh80VUt83g=="}}`, "correct horse"},
		{`{"algorithm":"ldap","hash":{"value":"{SMD5}qtdQ2bHCoKs9+NZcb1AvDwECAwQ=","encoding":"utf8"}}`, "correct horse"},
		{`{"algorithm":"ldap","hash":{"value":"{SHA}L55TUjtiq8FBorTWAZ0jy6g129A="}}`, "correct horse"},
		{`{"algorithm":"ldap","hash":{"value":"{ssha}5pcxo13YdJml98eQSIlT3FMEBMMBAgME"}}`, "correct horse"},
		{`{"algorithm":"ldap","hash":{"value":"{SHA256}QQTTb42iwlQ0n4WDZ5Pr4CngyVcGOjTJHC6SAxh7VjE="}}`, "correct horse"},
		{`{"algorithm":"ldap","hash":{"value":"{SSHA256}0hJvnJrn389Ik7M3OR+qOZl6NBsSet72zG2p4yy6GwEBAgME"}}`, "correct horse"},
		{`{"algorithm":"ldap","hash":{"value":"{SSHA384}PIxRHGOKoQpdTRSX8XmoZ90cyCohWvSw50dSdKT7pjGhV2mgUXp0cFQwpR+gbMk9AQIDBA=="}}`, "correct horse"},
		{`{"algorithm":"ldap","hash":{"value":"{SSHA512}59hB/WwyfgQUZfHrhGKG7B924+SMQ9dsAndq2fAiQ192K1Up6+Uyb2bNkO/rs2mynGTKvujt8okIdKCusVizJwECAwQ="}}`, "correct horse"},
		{`{"algorithm":"pbkdf2","hash":{"value":"$pbkdf2-md5$i=1000,l=32$c2FsdHNhbHQ$hfM3TL0xFxmOhv6QuLhGoY9ssYEMuBnC0CqvlVqLRWw"}}`, "correct horse"},
		{`{"algorithm":"pbkdf2","hash":{"value":"$pbkdf2-sha1WithRSAEncryption$i=1000,l=32$c2FsdHNhbHQ$wQoBU7GXMNo2CJC+raijrf6key7T3ch/mz633RDYOwM"}}`, "correct horse"},
		{`{"algorithm":"pbkdf2","hash":{"value":"$pbkdf2-sha224$i=1000,l=32$c2FsdHNhbHQ$8j4LpsGPaqvQC3zs1S0usVDeoDsh/rfTJx3e8BAgKtk"}}`, "correct horse"},
		{`{"algorithm":"pbkdf2","hash":{"value":"$pbkdf2-RSA-SHA256$i=1000,l=32$c2FsdHNhbHQ$qQDPSZa3Ormyy9oK1Pu0ZLLwP2Svzmx3yu8OvDdq/J0"}}`, "correct horse"},
		{`{"algorithm":"pbkdf2","hash":{"value":"$pbkdf2-sha384$i=1000,l=32$c2FsdHNhbHQ$M+OuuSj5U9BMJUTjq/zZKDux9c+StFFEigaP6CssEl8"}}`, "correct horse"},
		{`{"algorithm":"pbkdf2","hash":{"value":"$pbkdf2-sha512$i=1000,l=32$c2FsdHNhbHQ$+sUSD8jw4f8ns7m9b7kj8PeJLe8lJXO8Am09BLgO79k","encoding":"utf8"}}`, "correct horse"},
		{`{"algorithm":"pbkdf2","hash":{"value":"$pbkdf2-sha512$c2FsdHNhbHQ$EO8yQxSp3r3K4xEMJ/3LkAeasqnVdBGPYTddri57tdFyqkB1445DBrLGtTXrKNcOGNglxmqRq65itAgrRaVGLg"}}`, "correct horse"},
		{`{"algorithm":"scrypt","hash":{"value":"e9c840d0eaa8faf3aec58dd1eabc709566aa1ce99953e573149aef29b6cec6eb","encoding":"hex"},"salt":{"value":"abc123"},"keylen":32,"cost":4096}`, "correct horse"},
		{`{"algorithm":"scrypt","hash":{"value":"1db557672f05e875f7130561b4148ae47bc9f5ea01232c52cddca42f6a9c62bb293f331a6bc4c94b6e5da52c131738c5166cc832107825cc718deb3c12610468","encoding":"hex"},"salt":{"value":"abc123"},"keylen":64}`, "correct horse"},
		{`{"algorithm":"bcrypt","hash":{"value":"$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"}}`, "correct horse"},
		{`{"algorithm":"bcrypt","hash":{"value":"$2b$04$abcdefghijklmnopqrstuud4jcmraqJbTjEfYRogTX1xzSxrqdz4q","encoding":"utf8"},"salt":{"value":"salt"}}`, "correct horse"},
		{`{"algorithm":"bcrypt","hash":{"value":"$2y$05$abcdefghijklmnopqrstuufTU0odOafBM..nosMcrVjADjzWiFfwm"},"salt":{"value":"salt","position":"suffix"}}`, "correct horse"},
		{`{"algorithm":"argon2","hash":{"value":"$argon2i$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG"}}`, "password"},
		{`{"algorithm":"argon2","hash":{"value":"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$ZVrRXqxlLcWfcXCnMyv0m4Rpvh/bnCi7"}}`, "password"},
		{`{"algorithm":"argon2","hash":{"value":"$argon2d$v=19$m=64,t=1,p=1$c29tZXNhbHQ$hydAX9B8MseNZPVH8kFQ0/LnA6ifmBoZ"}}`, "password"},
	} {
		stored, err := password.Import(imported(t, c.document))
		if err != nil {
			t.Errorf("%s: got error %v", c.document, err)
			continue
		}
		if !verify(t, h, stored, c.password) {
			t.Errorf("%s\nis stored as %s and does not match its password", c.document, string(stored))
		}
		if verify(t, h, stored, c.password+"x") || verify(t, h, stored, "") {
			t.Errorf("%s\nmatches another password", c.document)
		}
		if !password.NeedsRehash(stored) {
			t.Errorf("%s\nis as good as a hash of ours", c.document)
		}
	}
}

// The examples of the documentation, whose passwords it does not tell.
func TestImport_TakesTheDocumentedExamples(t *testing.T) {
	t.Parallel()
	for _, document := range []string{
		`{"algorithm":"md4","hash":{"value":"AbuUujgF0pPPkJPSFRTpmA==","encoding":"base64"}}`,
		`{"algorithm":"sha256","hash":{"value":"d24e794fce503c3ddb1cd1ba1dd5d9b250cf9917336a0316fefd87fecf79200f","encoding":"hex"},"salt":{"value":"abc123","position":"prefix"}}`,
		`{"algorithm":"bcrypt","hash":{"value":"$2b$10$C9hB01.YxRSTcn/ZOOo4j.TW7xCKKFKBSF.C7E0xiUwumqIDqWUXG"}}`,
		`{"algorithm":"argon2","hash":{"value":"$argon2id$v=19$m=65536,t=2,p=1$J6Q/82PCyaNpYKRELJyTZg$m04qUAB8rexWDR4+/0f+SFB+4XMFxt7YAvAq2UycYos"}}`,
		`{"algorithm":"pbkdf2","hash":{"value":"$pbkdf2-md4$i=100000,l=64$+N375B8q0Fw$fp2R9KAM4hK/votGHC5Fu+jhqbxUD8+Nic/EMSGvNC3UP/k7wSHI0uXluHRSkZfl/BOheYqNOemayG90ZaSSQw","encoding":"utf8"}}`,
		`{"algorithm":"ldap","hash":{"value":"{SSHA384}/cgEjdoZh85DhurDeOQEMO1rMlAur93SVPbYe5XSD4lF7nNuvrBju5hUeg9A6agRemgSXGl5YuE=","encoding":"utf8"}}`,
		`{"algorithm":"hmac","hash":{"value":"cg7f42jH39/2EaAU4wNd4s2lKIk=","encoding":"base64","digest":"sha1","key":{"value":"736868","encoding":"hex"}}}`,
		`{"algorithm":"scrypt","hash":{"value":"097f6197e1b41538f723e32aa7a68e8d76227d8e432ce5faa4882a913032db29","encoding":"hex"},"salt":{"value":"abc123","encoding":"utf8"},"keylen":32,"cost":4096}`,
	} {
		if _, err := password.Import(imported(t, document)); err != nil {
			t.Errorf("%s: got error %v", document, err)
		}
	}
}

func TestImport_RefusesWhatItCouldNotVerify(t *testing.T) {
	t.Parallel()
	const bcrypt = `$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e`
	for _, c := range []struct{ document, path string }{
		{`{"algorithm":"whirlpool","hash":{"value":"00","encoding":"hex"}}`, "algorithm"},
		{`{"algorithm":"md5","hash":{"value":"de8498eb12b0309737310c8971cfc7a2","encoding":"utf8"}}`, "hash.encoding"},
		{`{"algorithm":"md5","hash":{"value":"de8498eb12b0309737310c8971cfc7a2"}}`, "hash.encoding"},
		{`{"algorithm":"md5","hash":{"value":"de8498","encoding":"hex"}}`, "hash.value"},
		{`{"algorithm":"md5","hash":{"value":"no hex","encoding":"hex"}}`, "hash.value"},
		{`{"algorithm":"md5","hash":{"value":"de8498eb12b0309737310c8971cfc7a2","encoding":"hex"},"salt":{"value":"xyz","encoding":"hex"}}`, "salt.value"},
		{`{"algorithm":"md5","hash":{"value":"de8498eb12b0309737310c8971cfc7a2","encoding":"hex"},"password":{"encoding":"utf32"}}`, "hash.value"},
		{`{"algorithm":"hmac","hash":{"value":"m8YQPlzIjIHqnaTaJS2LPg==","encoding":"base64","key":{"value":"key"}}}`, "hash"},
		{`{"algorithm":"hmac","hash":{"value":"m8YQPlzIjIHqnaTaJS2LPg==","encoding":"base64","digest":"md5"}}`, "hash"},
		{`{"algorithm":"hmac","hash":{"value":"m8YQPlzIjIHqnaTaJS2LPg==","encoding":"base64","digest":"whirlpool","key":{"value":"key"}}}`, "hash.value"},
		{`{"algorithm":"hmac","hash":{"value":"m8YQPlzIjIHqnaTaJS2LPg==","encoding":"base64","digest":"md5","key":{"value":"!","encoding":"base64"}}}`, "hash.key.value"},
		{`{"algorithm":"ldap","hash":{"value":"{CRYPT}rl0uE1iT2Rtgk"}}`, "hash.value"},
		{`{"algorithm":"ldap","hash":{"value":"PLTnMmMfR+brlh80VUt83g=="}}`, "hash.value"},
		{`{"algorithm":"ldap","hash":{"value":"{SSHA}L55TUjtiq8FBorTWAZ0jy6g129A="}}`, "hash.value"},
		{`{"algorithm":"ldap","hash":{"value":"{SHA}5pcxo13YdJml98eQSIlT3FMEBMMBAgME"}}`, "hash.value"},
		{`{"algorithm":"ldap","hash":{"value":"{MD5}PLTnMmMfR+brlh80VUt83g=="},"salt":{"value":"x"}}`, "salt"},
		{`{"algorithm":"ldap","hash":{"value":"{MD5}PLTnMmMfR+brlh80VUt83g==","encoding":"base64"}}`, "hash.encoding"},
		{`{"algorithm":"bcrypt","hash":{"value":"$2x$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"}}`, "hash.value"},
		{`{"algorithm":"bcrypt","hash":{"value":"` + bcrypt + `","encoding":"hex"}}`, "hash.encoding"},
		{`{"algorithm":"argon2","hash":{"value":"` + bcrypt + `"}}`, "hash.value"},
		{`{"algorithm":"argon2","hash":{"value":"$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$aGFzaA"},"salt":{"value":"x"}}`, "salt"},
		{`{"algorithm":"argon2","hash":{"value":"$argon2i$v=16$m=64,t=1,p=1$c29tZXNhbHQ$aGFzaA"}}`, "hash.value"},
		{`{"algorithm":"argon2","hash":{"value":"$argon2i$v=19$m=64,t=1,p=1,keyid=1$c29tZXNhbHQ$aGFzaA"}}`, "hash.value"},
		{`{"algorithm":"pbkdf2","hash":{"value":"$pbkdf2-whirlpool$i=1,l=4$c2FsdA$aGFzaA"}}`, "hash.value"},
		{`{"algorithm":"pbkdf2","hash":{"value":"$pbkdf2-sha1$i=1,l=5$c2FsdA$aGFzaA"}}`, "hash.value"},
		{`{"algorithm":"pbkdf2","hash":{"value":"$pbkdf2-sha1$i=1,l=4$c2FsdA$aGFzaA"},"salt":{"value":"x"}}`, "salt"},
		{`{"algorithm":"scrypt","hash":{"value":"e9c840d0","encoding":"hex"}}`, "keylen"},
		{`{"algorithm":"scrypt","hash":{"value":"e9c840d0","encoding":"hex"},"keylen":32}`, "hash.value"},
		{`{"algorithm":"scrypt","hash":{"value":"e9c840d0","encoding":"hex"},"keylen":4,"cost":1000}`, "cost"},
		{`{"algorithm":"scrypt","hash":{"value":"e9c840d0","encoding":"hex"},"keylen":4,"cost":1073741824}`, "cost"},
		{`{"algorithm":"scrypt","hash":{"value":"e9c840d0","encoding":"hex"},"keylen":4,"parallelization":-1}`, "cost"},
		{`{"algorithm":"scrypt","hash":{"value":"e9c840d0","encoding":"utf8"},"keylen":4}`, "hash.encoding"},
	} {
		_, err := password.Import(imported(t, c.document))
		var wrong *password.ImportError
		if !errors.As(err, &wrong) {
			t.Errorf("%s: got error %v, want an import error", c.document, err)
		} else if wrong.Path != c.path {
			t.Errorf("%s: got path %q (%s), want %q", c.document, wrong.Path, wrong.Message, c.path)
		}
	}
}

func TestImportBcrypt_TakesTheTwoDocumentedPrefixes(t *testing.T) {
	t.Parallel()
	const rest = `04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e`
	for prefix, want := range map[string]bool{"$2a$": true, "$2b$": true, "$2y$": false, "$2x$": false, "$argon2id$": false, "": false} {
		if _, err := password.ImportBcrypt(prefix + rest); (err == nil) != want {
			t.Errorf("%q: got error %v, want taken: %t", prefix, err, want)
		}
	}
	if _, err := password.ImportBcrypt("$2b$" + strings.TrimSuffix(rest, "e")); err == nil {
		t.Error("a hash that is cut was taken")
	}
}

func FuzzImport(f *testing.F) {
	f.Add(`{"algorithm":"ldap","hash":{"value":"{SSHA}5pcxo13YdJml98eQSIlT3FMEBMMBAgME"}}`)
	f.Add(`{"algorithm":"argon2","hash":{"value":"$argon2d$v=19$m=64,t=1,p=1$c29tZXNhbHQ$aGFzaA"}}`)
	f.Add(`{"algorithm":"hmac","hash":{"value":"00","encoding":"hex","digest":"md5","key":{"value":"key"}}}`)
	f.Fuzz(func(t *testing.T, document string) {
		var c password.CustomHash
		if json.Unmarshal([]byte(document), &c) != nil {
			return
		}
		stored, err := password.Import(c)
		if err == nil && !strings.HasPrefix(string(stored), "$") {
			t.Errorf("%s is stored as %q", document, string(stored))
		}
	})
}
