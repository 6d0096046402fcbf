package key

import (
	"crypto/sha1" //nolint:gosec // a certificate's fingerprint is defined so; nothing is protected by it
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"strings"
	"time"
)

// Shown is a signing key as the Management API shows it (Auth0 Management API, "Get all Application Signing Keys"). What
// does not hold, or is not known, is left out.
type Shown struct {
	KeyID        string     `json:"kid"`
	Certificate  string     `json:"cert"`
	PKCS7        string     `json:"pkcs7"`
	Fingerprint  string     `json:"fingerprint"`
	Thumbprint   string     `json:"thumbprint"`
	Current      bool       `json:"current,omitempty"`
	Next         bool       `json:"next,omitempty"`
	Previous     bool       `json:"previous,omitempty"`
	CurrentSince *time.Time `json:"current_since,omitempty"`
	CurrentUntil *time.Time `json:"current_until,omitempty"`
	Revoked      bool       `json:"revoked,omitempty"`
	RevokedAt    *time.Time `json:"revoked_at,omitempty"`
}

// Shown gives the key as it is shown.
func (s *SigningKey) Shown() (Shown, error) {
	envelope, err := pkcs7(s.Certificate)
	if err != nil {
		return Shown{}, err
	}
	sum := sha1.Sum(s.Certificate) //nolint:gosec // see the import
	shown := Shown{
		KeyID: s.ID, Certificate: pemLines("CERTIFICATE", s.Certificate), PKCS7: pemLines("PKCS7", envelope),
		Fingerprint: strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":"), Thumbprint: fmt.Sprintf("%X", sum),
		Current: s.State == Current, Next: s.State == Next, Previous: s.State == Previous, Revoked: s.State == Revoked,
		CurrentUntil: known(s.RotatedAt), RevokedAt: known(s.RevokedAt),
	}
	since := s.CurrentSince
	if since.IsZero() && s.State != Next { // its beginning was not kept
		since = s.CreatedAt
	}
	shown.CurrentSince = known(since)
	return shown, nil
}

func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// pemLines writes PEM with the line ends that Auth0 sends.
func pemLines(kind string, der []byte) string {
	return strings.ReplaceAll(string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})), "\n", "\r\n")
}

// The object identifiers of PKCS #7 (RFC 2315 section 14).
var (
	oidData       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
)

// contentInfo is ContentInfo of RFC 2315 section 7.
type contentInfo struct {
	ContentType asn1.ObjectIdentifier
	Content     signedData `asn1:"explicit,tag:0"`
}

// signedData is SignedData of RFC 2315 section 9.1 in its degenerate form: it carries certificates and signs nothing.
type signedData struct {
	Version          int
	DigestAlgorithms []asn1.RawValue `asn1:"set"`
	ContentInfo      struct{ ContentType asn1.ObjectIdentifier }
	Certificates     asn1.RawValue   // [0] IMPLICIT SET OF
	SignerInfos      []asn1.RawValue `asn1:"set"`
}

// pkcs7 puts a certificate into the envelope in which some tools exchange it.
func pkcs7(certificate []byte) ([]byte, error) {
	info := contentInfo{ContentType: oidSignedData}
	info.Content.Version = 1
	info.Content.ContentInfo.ContentType = oidData
	info.Content.Certificates = asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: certificate}
	der, err := asn1.Marshal(info)
	if err != nil {
		return nil, fmt.Errorf("encode a certificate as PKCS #7: %w", err)
	}
	return der, nil
}
