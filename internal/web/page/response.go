package page

import (
	"bytes"
	_ "embed" // for the templates
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"sync"
)

//go:embed templates/response.html
var responseSource string

var responseTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("response").Parse(responseSource))
})

// WriteFormPost answers an authorization request with response_mode=form_post: a form that carries the parameters to the
// redirect URI and submits itself; without script it has a button. The target was checked by the caller.
func (s Shell) WriteFormPost(w http.ResponseWriter, target string, parameters url.Values) error {
	u, err := url.Parse(target)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") {
		return fmt.Errorf("form_post to %q: only http and https addresses take a form", target)
	}
	names := make([]string, 0, len(parameters))
	for name := range parameters {
		names = append(names, name)
	}
	slices.Sort(names)
	type field struct{ Name, Value string }
	var fields []field
	for _, name := range names {
		for _, value := range parameters[name] {
			fields = append(fields, field{name, value})
		}
	}
	s.Return = target
	return s.respond(w, "form-post", "form", policy{}, map[string]any{"Target": target, "Fields": fields})
}

// Verification asks a page of the application for what it keeps of a cross-origin login (Auth0 docs, "Cross-Origin
// Authentication"): it is framed, says that it is ready, is asked for the verifier of the login by its id, and answers. The
// answer is posted to Target with the parameters; without one in ten seconds an empty one is.
type Verification struct {
	Page       string // of the application, a web address
	ID         string
	Target     string // a path of ours
	Answer     string // parameter of the answer
	Parameters url.Values
	Ancestor   string // origin that may frame our page; empty for nobody
}

// WriteVerification sends that page.
func (s Shell) WriteVerification(w http.ResponseWriter, v Verification) error {
	o := origin(v.Page)
	if o == "" {
		return fmt.Errorf("verification at %q: not a web address", v.Page)
	}
	type field struct{ Name, Value string }
	var fields []field
	for _, name := range slices.Sorted(maps.Keys(v.Parameters)) {
		fields = append(fields, field{name, v.Parameters.Get(name)})
	}
	p := policy{frame: o, ancestors: origin(v.Ancestor), opener: v.Ancestor != "", referrer: "same-origin"}
	return s.respond(w, "form-post", "verification", p, map[string]any{
		"Page": v.Page, "Origin": o, "ID": v.ID, "Target": v.Target, "Answer": v.Answer, "Fields": fields,
	})
}

// WriteWebMessage answers an authorization request with response_mode=web_message: a page that posts the response to the
// window that opened or frames it, at one origin only. That origin alone may frame the page. The response holds strings
// and numbers as they appear in the other response modes.
func (s Shell) WriteWebMessage(w http.ResponseWriter, targetOrigin string, response map[string]any) error {
	o := origin(targetOrigin)
	if o == "" {
		return fmt.Errorf("web_message to %q: not an origin", targetOrigin)
	}
	message := map[string]any{"type": "authorization_response", "response": response}
	return s.respond(w, "web-message", "message", policy{ancestors: o, opener: true}, map[string]any{"Origin": o, "Message": message})
}

// respond sends one of the two documents that carry an authorization response.
func (s Shell) respond(w http.ResponseWriter, screen, name string, p policy, values map[string]any) error {
	s.State = "" // the transaction is over: nothing on the page may ask for it
	p.nonce = newNonce()
	t := s.texts()
	values["Nonce"] = p.nonce
	for _, key := range []string{"title", "description", "buttonText"} {
		values[key] = HTML(t.Get("common", screen, key, nil), t.Tag())
	}
	var body, script bytes.Buffer
	if err := responseTemplate().ExecuteTemplate(&body, name, values); err != nil {
		return fmt.Errorf("page %s: %w", screen, err)
	}
	if err := responseTemplate().ExecuteTemplate(&script, name+"-script", values); err != nil {
		return fmt.Errorf("page %s: %w", screen, err)
	}
	doc := Document{
		Screen: screen, Title: t.Get("common", screen, "pageTitle", nil).String(), Body: template.HTML(body.String()),
	}
	return s.send(w, http.StatusOK, doc, p, template.HTML(script.String()))
}
