package contact

import (
	"errors"
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// ErrPhone is the answer to text that is no telephone number.
var ErrPhone = errors.New("not a phone number")

// maxPhone is how many characters of a typed number are read: the longest has fifteen digits, people put signs between them.
const maxPhone = 40

// Phone reads a number as a person typed it and gives its canonical form, E.164: a plus sign and at most fifteen digits.
// Region is the country that the person chose (ISO 3166, two letters), by which numbers without a plus sign are read; where
// it is empty they are refused. Whether a number of the right length is in use nobody knows who has not called it.
func Phone(typed, region string) (string, error) {
	s := strings.TrimSpace(typed)
	if s == "" || len(s) > maxPhone || strings.ContainsFunc(s, func(r rune) bool { return r > 0xFF && !digit(r) }) {
		return "", ErrPhone
	}
	if strings.HasPrefix(s, "00") {
		s = "+" + s[2:]
	}
	if region == "" && !strings.HasPrefix(s, "+") {
		return "", ErrPhone
	}
	if strings.ContainsAny(s, "@;") || strings.ContainsFunc(s, letter) {
		return "", ErrPhone // no address, no extension, no word spelled on the keys
	}
	n, err := phonenumbers.Parse(s, strings.ToUpper(region))
	if err != nil || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
		return "", ErrPhone
	}
	return phonenumbers.Format(n, phonenumbers.E164), nil
}

func digit(r rune) bool {
	return (r >= '\u0660' && r <= '\u0669') || (r >= '\u06F0' && r <= '\u06F9') || (r >= '\uFF10' && r <= '\uFF19') || r == '\uFF0B' // Arabic, Persian, full width
}

func letter(r rune) bool { return (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z') }

// Line is what the numbering plan says of a number.
type Line struct {
	Region string // the country, ISO 3166; empty for numbers that belong to none
	// Billed reports a number for which whoever sends to it pays more than for a person's: premium rate, shared cost,
	// pagers and their kin, and numbers that follow a person to any line (British 070), which are billed like premium ones.
	// Known is false where the plan has no such number.
	Billed, Known bool
}

// LineOf says what is known of a canonical number.
func LineOf(e164 string) Line {
	n, err := phonenumbers.Parse(e164, "")
	if err != nil {
		return Line{}
	}
	l := Line{Region: phonenumbers.GetRegionCodeForNumber(n)}
	switch phonenumbers.GetNumberType(n) {
	case phonenumbers.UNKNOWN:
	case phonenumbers.PREMIUM_RATE, phonenumbers.SHARED_COST, phonenumbers.PAGER, phonenumbers.UAN, phonenumbers.VOICEMAIL, phonenumbers.PERSONAL_NUMBER:
		l.Billed, l.Known = true, true
	default:
		l.Known = true
	}
	if l.Region == "001" {
		l.Region, l.Billed = "", true // satellite and other networks without a country
	}
	return l
}

// Country is one choice of a country list.
type Country struct {
	Region string // ISO 3166
	Code   int    // the dial code, without plus sign
}

// Countries lists the countries that have numbers, by region.
func Countries() []Country {
	var all []Country
	for region := range phonenumbers.GetSupportedRegions() {
		all = append(all, Country{region, phonenumbers.GetCountryCodeForRegion(region)})
	}
	slices.SortFunc(all, func(a, b Country) int { return strings.Compare(a.Region, b.Region) })
	return all
}

// MaskPhone shortens a number for logs and pages: all but its last four digits.
func MaskPhone(e164 string) string {
	if len(e164) < 6 {
		return "***"
	}
	return strings.Repeat("X", len(e164)-5) + e164[len(e164)-4:]
}

// ShowPhone writes a canonical number for its owner to recognize, on a page that others may see: as people abroad write it,
// with a few digits near the end left out.
func ShowPhone(e164 string) string {
	n, err := phonenumbers.Parse(e164, "")
	if err != nil {
		return MaskPhone(e164)
	}
	shown := []byte(phonenumbers.Format(n, phonenumbers.INTERNATIONAL))
	dialCode := strings.IndexByte(string(shown), ' ')
	for i, behind := len(shown)-1, 0; i > dialCode && behind < 6; i-- {
		if shown[i] < '0' || shown[i] > '9' {
			continue
		}
		if behind++; behind > 2 {
			shown[i] = '*'
		}
	}
	return string(shown)
}
