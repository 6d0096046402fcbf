package deploy

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// protections are the parts of attack protection, by their names in the YAML format and in the API.
var protections = map[string]string{
	"botDetection": "bot-detection", "breachedPasswordDetection": "breached-password-detection",
	"bruteForceProtection": "brute-force-protection", "captcha": "captcha", "suspiciousIpThrottling": "suspicious-ip-throttling",
}

// optionalProtections are the parts that a tenant need not have.
var optionalProtections = []string{"botDetection", "captcha"}

// attackProtection is attack-protection/, a file for each part
// (https://auth0.com/docs/api/management/v2/attack-protection).
func attackProtection() *kind {
	return &kind{
		name: "attackProtection", order: 50, single: true, files: protectionFiles{},
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			raw := object{}
			for _, part := range slices.Sorted(maps.Keys(protections)) {
				o, err := s.get(ctx, "attack-protection/"+protections[part])
				if err != nil && slices.Contains(optionalProtections, part) && unavailable(err) {
					continue
				}
				if err != nil {
					return nil, err
				}
				liftHashes(raw, part, o)
				raw[part] = o
			}
			return single(raw), nil
		},
		strip: func(o object) {
			captcha, _ := o["captcha"].(object)
			for _, provider := range keysOf(captcha, false) {
				settings, ok := captcha[provider].(object)
				site, told := settings["site_key"]
				if ok && (len(settings) == 0 || told && site == "") {
					delete(captcha, provider)
				}
			}
		},
		secrets: func(o object) []secret {
			var found []secret
			for _, provider := range []string{"arkose", "hcaptcha", "friendly_captcha", "recaptcha_v2"} {
				found = append(found, secret{path: "captcha." + provider + ".secret", mask: marker("CAPTCHA_%s_SECRET", provider)})
			}
			return append(found,
				secret{path: "captcha.recaptcha_enterprise.api_key", mask: "##CAPTCHA_RECAPTCHA_ENTERPRISE_API_KEY##"},
				secret{path: "captcha.recaptcha_enterprise.project_id", mask: "##CAPTCHA_RECAPTCHA_ENTERPRISE_PROJECT_ID##"})
		},
		prepare: func(_ context.Context, s *session, want object, have *stored) error {
			for _, part := range optionalProtections {
				if _, told := want[part]; told && have.object[part] == nil {
					s.warn("attackProtection: %s: this server has no such feature; it is left out", part)
					delete(want, part)
				}
			}
			return nil
		},
		check: func(it *item) error {
			for _, part := range keysOf(it.object, false) {
				if protections[part] == "" {
					return it.source.refuse(part, "there is no such part of attack protection")
				}
			}
			return nil
		},
		update: func(ctx context.Context, r *run, c *Change) error {
			body, err := r.changedBody(ctx, c)
			if err != nil {
				return err
			}
			for _, part := range c.tops() {
				settings, _ := body[part].(object)
				only := object{}
				for key, value := range settings {
					if c.changes(part + "." + key) {
						only[key] = value
					}
				}
				if _, err := call(ctx, r.tenant.API, http.MethodPatch, "attack-protection/"+protections[part], only); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// protectionFiles are the files of attack-protection/. Where the folder is, those of the parts that every tenant has must be
// there too.
type protectionFiles struct{}

func (protectionFiles) read(r *reader, _ *kind) (*section, error) {
	const dir = "attack-protection"
	there, err := r.isDir(dir)
	if err != nil || !there {
		return nil, err
	}
	it := &item{object: object{}, source: source{file: dir}}
	for _, part := range slices.Sorted(maps.Keys(protections)) {
		file := dir + "/" + protections[part] + ".json"
		if !r.isFile(file) {
			if slices.Contains(optionalProtections, part) {
				continue
			}
			return nil, fmt.Errorf("%s: there is no such file; remove the folder to leave attack protection alone", file)
		}
		settings, err := r.object(file)
		if err != nil {
			return nil, err
		}
		it.object[part] = settings
		it.setPart(part, file)
	}
	return &section{items: []*item{it}}, nil
}

func (protectionFiles) write(s *section, _ *kind, t *tree) {
	for part, settings := range s.one() {
		t.json("attack-protection/"+protections[part]+".json", settings)
	}
}

func (protectionFiles) owned() []string { return nil }

// riskAssessment is risk-assessment/settings.json: {settings, new_device}.
func riskAssessment() *kind {
	parts := map[string]string{"settings": "risk-assessments/settings", "new_device": "risk-assessments/settings/new-device"}
	return &kind{
		name: "riskAssessment", order: 50, single: true, files: oneFile{path: "risk-assessment/settings.json"},
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			raw := object{}
			for part, path := range parts {
				o, err := s.get(ctx, path)
				if err != nil {
					return nil, err
				}
				raw[part] = o
			}
			return single(raw), nil
		},
		update: func(ctx context.Context, r *run, c *Change) error {
			for _, part := range c.tops() {
				if _, err := call(ctx, r.tenant.API, http.MethodPatch, parts[part], c.item.object[part]); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// guardian is where the Management API has the settings of second factors.
const guardian = "guardian/factors"

// guardianFactors is guardian/factors/: which second factors are on
// (https://auth0.com/docs/api/management/v2/guardian/get-factors).
func guardianFactors() *kind {
	write := func(ctx context.Context, r *run, c *Change) error {
		_, err := call(ctx, r.tenant.API, http.MethodPut, under(guardian, text(c.item.object, "name")), pick(c.item.object, "enabled"))
		return err
	}
	return &kind{
		name: "guardianFactors", order: 50, skipEmpty: true, files: manyFiles{dir: "guardian/factors"}, match: []matchKey{{"name"}},
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			v, err := call(ctx, s.tenant.API, http.MethodGet, guardian, nil)
			all := list(items(v), "name")
			for _, st := range all {
				st.kept = true
			}
			return all, err
		},
		dropped: []string{"trial_expired"}, readOnly: []string{"trial_expired"},
		create: write, update: write,
	}
}

// factorProviders are who delivers for a second factor, each with the property that is a secret.
var factorProviders = []struct{ factor, provider, secret string }{
	{"sms", "twilio", "auth_token"}, {"push-notification", "sns", "aws_secret_access_key"}, {"push-notification", "apns", "p12"},
}

// guardianFactorProviders is guardian/providers/: who delivers for second factors.
func guardianFactorProviders() *kind {
	write := func(ctx context.Context, r *run, c *Change) error {
		body, err := r.newBody(ctx, c)
		if err != nil {
			return err
		}
		delete(body, "name")
		delete(body, "provider")
		_, err = call(ctx, r.tenant.API, http.MethodPut, providerPath(c.item.object), body)
		return err
	}
	return &kind{
		name: "guardianFactorProviders", order: 50, skipEmpty: true,
		files: manyFiles{dir: "guardian/providers", name: func(_ *tree, o object) string { return text(o, "name") + "-" + text(o, "provider") }},
		match: []matchKey{{"name", "provider"}},
		title: func(o object) string { return text(o, "name") + " " + text(o, "provider") },
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			var all []*stored
			for _, p := range factorProviders {
				o := object{"name": p.factor, "provider": p.provider}
				raw, err := s.find(ctx, providerPath(o))
				if err != nil {
					return nil, err
				}
				if len(raw) > 0 {
					maps.Copy(o, raw)
					all = append(all, &stored{id: p.factor + " " + p.provider, raw: o, object: cloneObject(o), kept: true})
				}
			}
			return all, nil
		},
		secrets: func(o object) []secret {
			var found []secret
			name, provider := text(o, "name"), text(o, "provider")
			for _, p := range factorProviders {
				if p.factor == name && p.provider == provider {
					found = append(found, secret{path: p.secret, mask: marker("GUARDIAN_FACTOR_PROVIDERS_%s_%s_%s", name, provider, p.secret), written: true})
				}
			}
			return found
		},
		create: write, update: write,
	}
}

func providerPath(o object) string {
	return under(guardian, text(o, "name"), "providers", text(o, "provider"))
}

// guardianFactorTemplates is guardian/templates/: the texts of messages for second factors.
func guardianFactorTemplates() *kind {
	write := func(ctx context.Context, r *run, c *Change) error {
		path := under(guardian, text(c.item.object, "name"), "templates")
		_, err := call(ctx, r.tenant.API, http.MethodPut, path, pick(c.item.object, "enrollment_message", "verification_message"))
		return err
	}
	return &kind{
		name: "guardianFactorTemplates", order: 50, skipEmpty: true, files: manyFiles{dir: "guardian/templates"}, match: []matchKey{{"name"}},
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			raw, err := s.find(ctx, guardian+"/sms/templates")
			if len(raw) == 0 || err != nil {
				return nil, err
			}
			raw["name"] = "sms"
			return []*stored{{id: "sms", raw: raw, object: cloneObject(raw), kept: true}}, nil
		},
		create: write, update: write,
	}
}

// guardianPolicies is guardian/policies.json: {policies}, when a second factor is asked for.
func guardianPolicies() *kind {
	const path = "guardian/policies"
	return &kind{
		name: "guardianPolicies", order: 50, single: true, files: oneFile{path: "guardian/policies.json"},
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			v, err := call(ctx, s.tenant.API, http.MethodGet, path, nil)
			if err != nil {
				return nil, err
			}
			return single(object{"policies": v}), nil
		},
		update: func(ctx context.Context, r *run, c *Change) error {
			_, err := call(ctx, r.tenant.API, http.MethodPut, path, c.item.object["policies"])
			return err
		},
	}
}

// guardianSelectedProvider is guardian/phoneFactorSelectedProvider.json: {provider}.
func guardianSelectedProvider() *kind {
	return factorSetting("guardianPhoneFactorSelectedProvider", "phoneFactorSelectedProvider", "selected-provider")
}

// guardianMessageTypes is guardian/phoneFactorMessageTypes.json: {message_types}.
func guardianMessageTypes() *kind {
	return factorSetting("guardianPhoneFactorMessageTypes", "phoneFactorMessageTypes", "message-types")
}

func factorSetting(name, file, setting string) *kind {
	path := under(guardian, "phone", setting)
	return &kind{
		name: name, order: 50, single: true, files: oneFile{path: "guardian/" + file + ".json"},
		load: func(ctx context.Context, s *session) ([]*stored, error) {
			raw, err := s.get(ctx, path)
			if err != nil {
				return nil, err
			}
			return single(raw), nil
		},
		update: send(http.MethodPut, path),
	}
}
