package message

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"regexp"
	"strings"
	"syscall"
	"time"
	"unicode"

	"golang.org/x/net/idna"

	"latchkey/internal/contact"
	"latchkey/internal/egress"
)

// stage is how far a dialogue had come.
type stage string

const (
	stageReset stage = "RSET"
	stageMail  stage = "MAIL FROM"
	stageRcpt  stage = "RCPT TO"
	stageData  stage = "DATA"
	stageBody  stage = "the message"
	stageDot   stage = "the end of the message"
)

// lost reports whether the dialogue is over: the connection broke, or the server closes it (421).
func lost(err error) bool {
	var reply *textproto.Error
	return !errors.As(err, &reply) || reply.Code == 421
}

// enhanced matches a status code of RFC 3463 at the beginning of a reply.
var enhanced = regexp.MustCompile(`^([245])\.(\d{1,3})\.(\d{1,3})\b`)

// greylisted is how long a server that greylists wants us to wait at least (RFC 6647 section 2.4).
const greylisted = time.Minute

// classify reads what went wrong in a dialogue (RFC 5321 section 4.2, RFC 3463).
func classify(at stage, err error) Result {
	var reply *textproto.Error
	if !errors.As(err, &reply) {
		if at == stageDot {
			return Result{Verdict: VerdictUnknown, Detail: "The connection was lost after the whole message had been handed over, before the server answered."}
		}
		return Result{Verdict: VerdictRetry, Detail: fmt.Sprintf("the connection was lost at %s: %s", at, oneLine(err.Error(), 300))}
	}
	r := Result{Detail: oneLine(fmt.Sprintf("%d %s", reply.Code, reply.Msg), 512)}
	var subject, detail string
	if m := enhanced.FindStringSubmatch(reply.Msg); m != nil {
		subject, detail = m[2], m[3]
	}
	switch {
	case reply.Code < 400: // an answer that does not belong here
		r.Verdict = VerdictRefused
		if at == stageDot {
			r.Verdict = VerdictUnknown
		}
	case reply.Code < 500:
		r.Verdict = VerdictRetry
		if (reply.Code == 450 || reply.Code == 451) && subject == "7" {
			r.RetryAfter = greylisted
		}
	case reply.Code == 552 && subject == "2" && detail == "2":
		r.Verdict = VerdictRetry // the mailbox is full
	case reply.Code == 530, reply.Code == 534, reply.Code == 535, reply.Code == 538:
		r.Verdict = VerdictConfig
	case reply.Code <= 504, reply.Code == 555:
		r.Verdict = VerdictRefused
	case at == stageMail, subject == "1" && (detail == "7" || detail == "8"):
		r.Verdict = VerdictConfig // the sender is refused
	case reply.Code == 551, reply.Code == 553, subject == "1", reply.Code == 550 && subject == "" && at == stageRcpt:
		r.Verdict = VerdictRecipient
	default:
		r.Verdict = VerdictRefused
	}
	return r
}

// classifyDial reads what went wrong before the message could begin. Advice names the parts of an SMTP URL that may help.
func classifyDial(err error, advise bool) Result {
	advice := func(text string) string {
		if !advise {
			return ""
		}
		return text
	}
	r := Result{Detail: oneLine(err.Error(), 512)}
	var reply *textproto.Error
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	var operation *net.OpError
	var network net.Error
	var tokenless *noToken
	switch {
	case errors.As(err, &tokenless):
		return tokenless.result
	case errors.Is(err, egress.ErrRefused), errors.Is(err, errPin):
		r.Verdict = VerdictConfig
	case errors.As(err, &reply) && reply.Code < 500:
		r.Verdict = VerdictRetry
	case errors.As(err, &reply):
		r.Verdict = VerdictConfig
		if reply.Code == 535 {
			r.Detail = "The mail server refuses user or password: " + r.Detail
			r.Pause = loginPause
		}
	case errors.As(err, &certificate), errors.As(err, &authority):
		r.Verdict = VerdictConfig
		r.Detail = "The mail server's certificate is not trusted" + advice(" (name its authority with ca=FILE in the SMTP URL)") + ": " + r.Detail
	case errors.As(err, &record), errors.As(err, &operation) && (operation.Op == "remote error" || operation.Op == "local error"):
		r.Verdict = VerdictConfig
		r.Detail = "The mail server does not speak TLS as expected" + advice(" (look at tls= in the SMTP URL)") + ": " + r.Detail
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		r.Verdict, r.Unreached = VerdictRetry, errors.Is(err, syscall.ECONNREFUSED)
	default:
		r.Verdict = VerdictConfig
	}
	return r
}

// envelope gives an address as SMTP takes it: the domain in ASCII, the mailbox as it was typed. Ascii says that the
// server needs no SMTPUTF8 (RFC 6531).
func envelope(to string) (address string, ascii bool, err error) {
	at := strings.LastIndexByte(to, '@')
	if at < 1 || strings.ContainsFunc(to, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) || r == '<' || r == '>' }) {
		return "", false, errors.New("not an address")
	}
	domain, err := idna.Lookup.ToASCII(to[at+1:])
	if err != nil {
		return "", false, err
	}
	local := to[:at]
	return local + "@" + domain, !strings.ContainsFunc(local, func(r rune) bool { return r > unicode.MaxASCII }), nil
}

// oneLine makes a stranger's text fit for a log and a column: one line, no control characters, at most so many bytes.
func oneLine(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most-3], "") + "..."
	}
	return s
}

var addresses = regexp.MustCompile(`[^\s<>"']+@[^\s<>"']+`)

// phoneLike matches what may be a telephone number, however it is grouped.
var phoneLike = regexp.MustCompile(`\+?[0-9][0-9 ().-]{5,}[0-9]`)

// leastDigits is what tells the number of a telephone from the codes of servers: "550 5.1.1" has six.
const leastDigits = 8

// MaskAddresses shortens the e-mail addresses and telephone numbers that servers repeat in their replies: rows and logs hold
// none. Network addresses stay.
func MaskAddresses(s string) string {
	s = addresses.ReplaceAllStringFunc(s, contact.Mask)
	return phoneLike.ReplaceAllStringFunc(s, func(number string) string {
		digits := 0
		for _, r := range number {
			if r >= '0' && r <= '9' {
				digits++
			}
		}
		if _, err := netip.ParseAddr(number); err == nil || digits < leastDigits && number[0] != '+' {
			return number
		}
		return contact.MaskPhone(number)
	})
}
