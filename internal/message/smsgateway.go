package message

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	connections "latchkey/internal/connection"
)

const (
	// gatewayTimeout is how long Auth0 waits for a gateway.
	gatewayTimeout = 30 * time.Second
	// gatewayAnswer is what is read of its answer, of which the status alone counts.
	gatewayAnswer = 64 << 10
	// gatewayTokenLife is how long a gateway may take a token for good (ours: none is documented).
	gatewayTokenLife = 5 * time.Minute
)

// smsGateway sends by a gateway of the tenant (https://auth0.com/docs/authenticate/passwordless/authentication-methods/use-sms-gateway-passwordless).
type smsGateway struct {
	service
	address  string
	from     string
	forward  bool   // tell who asked
	key      []byte // signs the token; nil where there is none
	subject  string
	audience string
}

func newSMSGateway(s service, o *connections.SMSOptions, secret string) (*smsGateway, error) {
	s.timeout, s.maxAnswer = gatewayTimeout, gatewayAnswer
	g := &smsGateway{service: s, address: o.GatewayURL, from: o.From, forward: bool(o.ForwardRequest)}
	u, err := url.Parse(o.GatewayURL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("the gateway has no address of http or https")
	case u.User != nil:
		return nil, errors.New("the gateway's address holds credentials, which are not sent; a gateway knows us by a signed token")
	}
	auth := o.GatewayAuthentication
	if auth == nil || auth.Method == "" {
		return g, nil
	}
	if auth.Method != "bearer" {
		return nil, errors.New("the gateway's method of authentication is not known")
	}
	key := []byte(secret)
	if auth.SecretBase64Encoded {
		plain := strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(secret, "="))
		if key, err = base64.RawURLEncoding.DecodeString(plain); err != nil {
			return nil, errors.New("the secret of the gateway is not base64url")
		}
	}
	if len(key) == 0 {
		return nil, errors.New("the gateway has no secret to sign with")
	}
	g.key, g.subject, g.audience = key, auth.Subject, auth.Audience
	return g, nil
}

// gatewayClaims are those of the token that a gateway gets. Subject and audience are Auth0's.
type gatewayClaims struct {
	Issuer   string `json:"iss,omitempty"`
	Subject  string `json:"sub,omitempty"`
	Audience string `json:"aud,omitempty"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// gatewayBody is what a gateway gets.
type gatewayBody struct {
	Recipient string          `json:"recipient"`
	Body      string          `json:"body"`
	Sender    string          `json:"sender"`
	Request   *gatewayRequest `json:"req,omitempty"`
}

type gatewayRequest struct {
	IP        string `json:"ip"`
	UserAgent string `json:"user-agent"`
}

// Send implements PhoneProvider.
func (g *smsGateway) Send(ctx context.Context, n Note) Result {
	document := gatewayBody{Recipient: n.To, Body: n.Body, Sender: g.from}
	if g.forward {
		document.Request = &gatewayRequest{n.IP, n.UserAgent}
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return Result{Verdict: VerdictRefused, Detail: "The message cannot be written as JSON."}
	}
	header, err := g.authorization(n)
	if err != nil {
		return Result{Verdict: VerdictConfig, Detail: "The token for the gateway cannot be signed."}
	}
	got, failed := g.post(ctx, g.address, "application/json", header, bytes.TrimSpace(body.Bytes()))
	if failed != nil {
		failed.Told = "The SMS gateway cannot be reached"
		if failed.Verdict == VerdictUnknown {
			failed.Told = "Timeout while calling the SMS gateway: ETIMEDOUT"
		}
		return *failed
	}
	if got.ok() {
		return sent("")
	}
	r := got.refused("")
	r.Told = fmt.Sprintf("Unexpected response while calling the SMS gateway: %d", got.status)
	if got.status == http.StatusUnauthorized {
		r.Told = fmt.Sprintf("Authentication failed while calling the SMS gateway: %d", got.status)
	}
	r.Detail = r.Told
	return r
}

// authorization signs a token (RFC 7515) with whatever secret the gateway has: many are shorter than RFC 7518 asks for, and
// Auth0 takes them.
func (g *smsGateway) authorization(n Note) (map[string]string, error) {
	if g.key == nil {
		return nil, nil
	}
	now := time.Now()
	claims, err := json.Marshal(gatewayClaims{
		Issuer: "https://" + n.Domain + "/", Subject: g.subject, Audience: g.audience,
		IssuedAt: now.Unix(), Expires: now.Add(gatewayTokenLife).Unix(),
	})
	if err != nil {
		return nil, err
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(claims)
	mac := hmac.New(sha256.New, g.key)
	mac.Write([]byte(signed))
	return map[string]string{"Authorization": "Bearer " + signed + "." + encode(mac.Sum(nil))}, nil
}
