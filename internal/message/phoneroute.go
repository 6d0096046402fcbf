package message

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	connections "latchkey/internal/connection"
	"latchkey/internal/resource"
)

// The kinds of the documents that /api/v2/branding/phone keeps. A tenant has one provider, under the key phoneProviderKey;
// the keys of templates are their types.
const (
	PhoneProviders   resource.Kind = "phone_providers"
	PhoneTemplates   resource.Kind = "phone_templates"
	phoneProviderKey               = "phone"
)

// phoneSettings are the settings by which the notes of a source leave: those of the connection that has a provider of its
// own, or else those of the tenant.
type phoneSettings struct {
	connection *connections.Connection
	provider   *resource.Resource // nil where the tenant has none
	second     *resource.Resource // takes what the tenant's provider has not taken; nil where there is none
}

func readPhone(ctx context.Context, s Settings, from source) (phoneSettings, error) {
	if from.channel == Text && from.connection != "" {
		all, err := s.Connections(ctx, from.tenant)
		if err != nil {
			return phoneSettings{}, fmt.Errorf("read the connections: %w", err)
		}
		if c := connections.Find(all, from.connection); c != nil && c.SendsItself() {
			return phoneSettings{connection: c}, nil
		}
	}
	provider, err := found(s.ResourceByKey(ctx, from.tenant, PhoneProviders, phoneProviderKey))
	if err != nil {
		return phoneSettings{}, fmt.Errorf("read the phone provider of a tenant: %w", err)
	}
	if provider == nil {
		return phoneSettings{}, nil
	}
	second, err := found(s.Resource(ctx, from.tenant, resource.Settings, resource.PhoneFailover))
	if err != nil {
		return phoneSettings{}, fmt.Errorf("read the second phone provider of a tenant: %w", err)
	}
	return phoneSettings{provider: provider, second: second}, nil
}

// phoneProvider is a tenant's phone provider as the Management API keeps it.
type phoneProvider struct {
	Name          string `json:"name"`
	Disabled      bool   `json:"disabled"`
	Configuration struct {
		SID         string   `json:"sid"`
		DefaultFrom string   `json:"default_from"`
		MSSID       string   `json:"mssid"`
		Methods     []string `json:"delivery_methods"`
	} `json:"configuration"`
}

func readPhoneProvider(stored *resource.Resource) (phoneProvider, error) {
	var p phoneProvider
	text, err := json.Marshal(stored.Document)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	return p, err
}

func (p phoneProvider) delivers(c Channel) bool {
	return slices.Contains(p.Configuration.Methods, method(c))
}

// method is what the Management API calls a way of delivery.
func method(c Channel) string {
	if c == Voice {
		return "voice"
	}
	return "text"
}

// openPhone makes the carrier of notes; nil where nobody would take them.
func (r *routes) openPhone(from source, s phoneSettings) *carrier {
	var p PhoneProvider
	var secret string
	var err error
	switch {
	case s.connection != nil:
		p, secret, err = r.ofConnection(from.tenant, s.connection)
	case s.provider != nil:
		p, secret, err = r.ofTenant(from, s.provider)
	default:
		return nil
	}
	if err != nil {
		p = &unusableNotes{name: "phone", reason: sentence(err)}
	}
	c := newCarrier(noteHandover{p}, maxPerTenant)
	c.secrets = forms(secret)
	if s.second != nil && s.second.Document["disabled"] != true && !off(from, s.provider) {
		c.second = r.openPhone(from, phoneSettings{provider: s.second})
	}
	return c
}

// off reports that a tenant wants nothing sent by a provider: it is switched off, or not for this way of delivery. That is the
// tenant's will and no failure, so no second provider steps in.
func off(from source, stored *resource.Resource) bool {
	p, err := readPhoneProvider(stored)
	return err == nil && (p.Disabled || !p.delivers(from.channel))
}

var errSealedPhone = errors.New("the credentials of the phone provider cannot be read with this master keyset")

// ofConnection makes the provider that a connection has of its own.
func (r *routes) ofConnection(tenant string, c *connections.Connection) (PhoneProvider, string, error) {
	open := func(path string) (string, error) {
		sealed, ok := c.Sealed[path]
		if !ok {
			return "", nil
		}
		secret, err := r.keys.Open(sealed, tenant, string(resource.Connections), path, c.ID)
		if err != nil {
			return "", errSealedPhone
		}
		return string(secret), nil
	}
	o := c.Options
	if o.Provider == "sms_gateway" || o.Provider == "" && o.TwilioSID == "" && o.GatewayURL != "" {
		secret, err := open("options.gateway_authentication.secret")
		if err != nil {
			return nil, "", err
		}
		p, err := newSMSGateway(service{name: "sms_gateway", egress: r.egress}, &o.SMSOptions, secret)
		return p, secret, err
	}
	token, err := open("options.twilio_token")
	if err != nil {
		return nil, "", err
	}
	p, err := newTwilio(service{name: "twilio", egress: r.egress}, o.TwilioSID, token, o.From, o.MessagingServiceSID)
	return p, token, err
}

// ofTenant makes the provider of a tenant.
func (r *routes) ofTenant(from source, stored *resource.Resource) (PhoneProvider, string, error) {
	p, err := readPhoneProvider(stored)
	switch {
	case err != nil:
		return nil, "", errors.New("the phone provider's settings cannot be read")
	case p.Disabled:
		return nil, "", errors.New("the phone provider is disabled")
	case !p.delivers(from.channel):
		return nil, "", fmt.Errorf("the phone provider does not deliver by %s", method(from.channel))
	case p.Name == "custom":
		return nil, "", errors.New("the phone provider is an Action, and no Action is run")
	case p.Name != "twilio":
		return nil, "", errors.New("the phone provider is not known")
	}
	const path = "credentials.auth_token"
	var token string
	if sealed, ok := stored.Sealed[path]; ok {
		secret, err := r.keys.Open(sealed, from.tenant, string(stored.Kind), path, stored.ID)
		if err != nil {
			return nil, "", errSealedPhone
		}
		token = string(secret)
	}
	s := service{name: "twilio", egress: r.egress}
	var opened PhoneProvider
	if from.channel == Voice {
		opened, err = newTwilioVoice(s, p.Configuration.SID, token, p.Configuration.DefaultFrom)
	} else {
		opened, err = newTwilio(s, p.Configuration.SID, token, p.Configuration.DefaultFrom, p.Configuration.MSSID)
	}
	return opened, token, err
}

// unusableNotes is a phone provider that sends nothing and says why.
type unusableNotes struct{ name, reason string }

func (r *unusableNotes) Name() string     { return r.name }
func (r *unusableNotes) Concurrency() int { return 1 }
func (r *unusableNotes) Close()           {}

func (r *unusableNotes) Send(context.Context, Note) Result {
	return Result{Verdict: VerdictConfig, Detail: r.reason, Told: r.reason}
}

// Refusal tells why no text message of a connection could leave by the tenant's provider as it is set; empty where one could.
func (s *Sender) Refusal(ctx context.Context, tenant, connection string) (string, error) {
	if s.routes.settings == nil {
		return "", nil
	}
	from := source{tenant, Text, connection}
	settings, err := readPhone(ctx, s.routes.settings, from)
	if err != nil {
		return "", err
	}
	c := s.routes.openPhone(from, settings)
	if c == nil {
		if s.worker.inbox != nil {
			return "", nil
		}
		return reasonNoPhone, nil
	}
	defer c.retire()
	handover, _ := c.handover.(noteHandover)
	if none, ok := handover.PhoneProvider.(*unusableNotes); ok && c.second == nil {
		return none.reason, nil
	}
	return "", nil
}
