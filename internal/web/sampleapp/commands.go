package sampleapp

import (
	"encoding/json"
	"net/url"
	"strings"
)

// idea is one of the next things to try.
type idea struct {
	Title string
	Text  string
	Steps []step
}

// step is something to copy.
type step struct{ Label, Code string }

// ideas are the next three things to try, filled in with this server's addresses, so that they work as they stand.
func (a *app) ideas(email string) []idea {
	if email == "" {
		email = "ada@example.com"
	}
	var list []idea
	if a.NativeClientID != "" {
		list = append(list, a.terminalLogin(email))
	}
	if a.InboxURL != "" {
		list = append(list, a.readInbox(email))
	}
	if a.SPAClientID != "" {
		list = append(list, a.ownApplication())
	}
	return list
}

func (a *app) terminalLogin(email string) idea {
	start, _ := json.Marshal(map[string]string{
		"client_id": a.NativeClientID, "connection": "email", "send": "code", "email": email,
	})
	return idea{
		Title: "Log in from a terminal",
		Text:  "The same login without a browser, through the API that mobile applications use.",
		Steps: []step{
			{"Ask for a code", a.curl() + " " + shell(a.Issuer+"passwordless/start") +
				" \\\n  -H 'Content-Type: application/json' \\\n  -d " + shell(string(start))},
			{"Trade it for tokens; put your code in place of 123456", a.curl() + " " + shell(a.Issuer+"oauth/token") +
				" \\\n  -d grant_type=http://auth0.com/oauth/grant-type/passwordless/otp" +
				" \\\n  -d " + shell("client_id="+a.NativeClientID) +
				" \\\n  -d realm=email" +
				" \\\n  --data-urlencode " + shell("username="+email) +
				" \\\n  --data-urlencode " + shell("audience="+a.Audience) +
				" \\\n  -d scope='openid profile email offline_access'" +
				" \\\n  -d otp=123456"},
		},
	}
}

func (a *app) readInbox(email string) idea {
	inbox := strings.TrimSuffix(a.InboxURL, "/") + "/messages"
	query := "?to=" + url.QueryEscape(email)
	return idea{
		Title: "Let a script read the code",
		Text:  "The inbox is also an API, made for end-to-end tests: ask it to wait until the message is there.",
		Steps: []step{
			{"Every message to an address, newest first; waits up to ten seconds for one", "curl " + shell(inbox+query+"&wait=10")},
			{"Only the code", "curl -s " + shell(inbox+query) + " \\\n  | grep -o '\"code\": *\"[0-9]*\"' | head -n 1 | tr -dc '0-9'"},
			{"Empty the inbox", "curl -X DELETE " + shell(inbox)},
		},
	}
}

func (a *app) ownApplication() idea {
	// auth0-spa-js adds https:// to a bare domain and keeps a scheme that is given.
	domain := a.issuer.Host
	if a.issuer.Scheme == "http" {
		domain = "http://" + domain
	}
	steps := []step{{"In any page on localhost; only the domain and the ids differ from Auth0", `import { createAuth0Client } from '@auth0/auth0-spa-js';

const auth0 = await createAuth0Client({
  domain: ` + script(domain) + `,
  clientId: ` + script(a.SPAClientID) + `,
  authorizationParams: {
    redirect_uri: window.location.origin,
    audience: ` + script(a.Audience) + `,
  },
});

if (window.location.search.includes('code=')) {
  await auth0.handleRedirectCallback();
  window.history.replaceState({}, '', '/');
}
if (await auth0.isAuthenticated()) {
  console.log(await auth0.getUser());
} else {
  await auth0.loginWithRedirect();
}`}}
	if a.DevJSONPath != "" {
		steps = append(steps, step{"All addresses, ids and secrets of this tenant, for scripts and tests", "cat " + shell(a.DevJSONPath)})
	}
	return idea{
		Title: "Point your own application here",
		Text:  "Auth0's own libraries work unchanged. Replace the domain, and the login page is this one.",
		Steps: steps,
	}
}

// curl is the command up to its arguments.
func (a *app) curl() string {
	if a.CACertPath == "" || a.issuer.Scheme == "http" {
		return "curl"
	}
	return "curl --cacert " + shell(a.CACertPath)
}

// shell quotes s for a POSIX shell where it needs quotes.
func shell(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@%+", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// script writes s as a JavaScript string.
func script(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), `'`, `\'`)
	return "'" + s + "'"
}
