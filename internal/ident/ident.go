// Package ident makes the random identifiers and secrets of the product, in the shapes clients know.
package ident

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
)

const (
	alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	urlSafe      = alphanumeric + "-_"
)

// Bytes gives n random bytes.
func Bytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand.Read never fails: it ends the program instead
	return b
}

// Hex gives 2n lower-case hexadecimal characters from n random bytes.
func Hex(n int) string { return hex.EncodeToString(Bytes(n)) }

// Token gives n random bytes as unpadded URL-safe base64.
func Token(n int) string { return base64.RawURLEncoding.EncodeToString(Bytes(n)) }

// ObjectID gives 24 hexadecimal characters, the look of user and API ids.
func ObjectID() string { return Hex(12) }

// ClientID gives 32 alphanumeric characters.
func ClientID() string { return pick(alphanumeric, 32) }

// ClientSecret gives 64 URL-safe characters.
func ClientSecret() string { return pick(urlSafe, 64) }

// ConnectionID gives "con_" and 16 alphanumeric characters.
func ConnectionID() string { return "con_" + pick(alphanumeric, 16) }

// ClientGrantID gives "cgr_" and 16 alphanumeric characters.
func ClientGrantID() string { return "cgr_" + pick(alphanumeric, 16) }

// Prefixed makes an id of n letters and digits behind a prefix, as most kinds of configuration have them.
func Prefixed(prefix string, n int) string { return prefix + "_" + pick(alphanumeric, n) }

// UUID makes a random UUID (RFC 9562 version 4).
func UUID() string {
	b := Bytes(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// JobID gives "job_" and 16 alphanumeric characters.
func JobID() string { return "job_" + pick(alphanumeric, 16) }

// SessionID gives 32 URL-safe characters (192 bits).
func SessionID() string { return Token(24) }

// Ticket gives 32 alphanumeric characters (190 bits), the secret of a ticket.
func Ticket() string { return pick(alphanumeric, 32) }

// TwoDigits gives a number from 10 to 99, each as likely as any other.
func TwoDigits() string { return pick("123456789", 1) + pick("0123456789", 1) }

// Digits gives a uniformly random decimal code of length n; leading zeros are as likely as any digit.
func Digits(n int) string { return pick("0123456789", n) }

// pick draws n characters of alphabet, each equally likely.
func pick(alphabet string, n int) string {
	var b strings.Builder
	b.Grow(n)
	size := big.NewInt(int64(len(alphabet)))
	for range n {
		i, err := rand.Int(rand.Reader, size)
		if err != nil {
			panic(err) // crypto/rand.Reader never fails
		}
		b.WriteByte(alphabet[i.Int64()])
	}
	return b.String()
}
