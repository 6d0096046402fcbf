package eventlog

import (
	"encoding/json"
	"regexp"
	"strings"

	"latchkey/internal/lucene"
)

// Shown gives an event as the Management API shows it (Auth0 Management API, "Search log events"): every member is there,
// null where nothing is known. What is known only of some events comes on top: the SDK that called, and the address of a
// backend that called for its user.
func (r *Record) Shown() map[string]any {
	agent, mobile := Agent(r.Origin.UserAgent)
	shown := map[string]any{
		"_id": r.ID, "log_id": r.ID, "date": r.Date.UTC().Format(lucene.DateLayout), "type": string(r.Type), "isMobile": mobile,
		"details": r.Details, "security_context": nil, "location_info": nil, "organization_id": nil, "organization_name": nil,
	}
	for name, value := range map[string]string{
		"description": r.Description, "connection": r.Connection, "connection_id": r.ConnectionID, "client_id": r.ClientID,
		"client_name": r.ClientName, "ip": r.Origin.IP, "hostname": r.Origin.Hostname, "user_id": r.UserID,
		"user_name": r.UserName, "user_agent": agent, "audience": r.Audience, "scope": r.Scope, "strategy": r.Strategy,
		"strategy_type": r.StrategyType,
	} {
		if shown[name] = value; value == "" {
			shown[name] = nil
		}
	}
	var sdk map[string]any
	if json.Unmarshal([]byte(r.Origin.SDK), &sdk) == nil && sdk != nil {
		shown["auth0_client"] = sdk
	}
	if r.Origin.ClientIP != "" {
		shown["client_ip"] = r.Origin.ClientIP
	}
	return shown
}

// browsers are known by what stands before their version, those that also claim to be another one first.
var browsers = []struct {
	name    string
	version *regexp.Regexp
}{
	{"Edge", regexp.MustCompile(`Edg(?:e|A|iOS)?/([\d.]+)`)},
	{"Opera", regexp.MustCompile(`OPR/([\d.]+)`)},
	{"Samsung Internet", regexp.MustCompile(`SamsungBrowser/([\d.]+)`)},
	{"Chrome Mobile iOS", regexp.MustCompile(`CriOS/([\d.]+)`)},
	{"Firefox iOS", regexp.MustCompile(`FxiOS/([\d.]+)`)},
	{"Firefox", regexp.MustCompile(`Firefox/([\d.]+)`)},
	{"Chrome", regexp.MustCompile(`Chrome/([\d.]+)`)},
	{"Safari", regexp.MustCompile(`Version/([\d.]+).* Safari/`)},
}

var systems = []struct {
	name    string
	version *regexp.Regexp
}{
	{"iOS", regexp.MustCompile(`(?:iPhone|CPU) OS ([\d_]+)`)},
	{"Android", regexp.MustCompile(`Android ([\d.]+)`)},
	{"Windows", regexp.MustCompile(`Windows NT ([\d.]+)`)},
	{"Mac OS X", regexp.MustCompile(`Mac OS X ([\d_.]+)`)},
	{"Linux", regexp.MustCompile(`Linux()`)},
}

// Agent names the browser and system of a User-Agent header in few words, such as "Chrome 120.0.0 / Mac OS X 10.15.7", and
// reports whether they are a telephone's or tablet's. What is no known browser stays as it is.
func Agent(userAgent string) (words string, mobile bool) {
	for _, mark := range []string{"Mobi", "Android", "iPhone", "iPad"} {
		mobile = mobile || strings.Contains(userAgent, mark)
	}
	for _, b := range browsers {
		m := b.version.FindStringSubmatch(userAgent)
		if m == nil {
			continue
		}
		system := "Other 0.0.0"
		for _, s := range systems {
			if v := s.version.FindStringSubmatch(userAgent); v != nil {
				system = s.name + " " + threeParts(v[1])
				break
			}
		}
		return b.name + " " + threeParts(m[1]) + " / " + system, mobile
	}
	return clip(userAgent), mobile
}

// threeParts writes a version as three numbers.
func threeParts(version string) string {
	parts := strings.FieldsFunc(version, func(c rune) bool { return c == '.' || c == '_' })
	for len(parts) < 3 {
		parts = append(parts, "0")
	}
	return strings.Join(parts[:3], ".")
}
