package servertest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"latchkey/internal/ident"
	"latchkey/internal/jwt"
)

// Reply is what the Management API answered.
type Reply struct {
	Status int
	Header http.Header
	Text   string
	Body   any // the JSON, as encoding/json gives it; nil where there is none
}

// Doc gives the body of an answer that is an object.
func (a Reply) Doc() map[string]any {
	d, _ := a.Body.(map[string]any)
	return d
}

// List gives the body of an answer that is a list, or the list under a name of one that is an object.
func (a Reply) List(name ...string) []any {
	if len(name) > 0 {
		list, _ := a.Doc()[name[0]].([]any)
		return list
	}
	list, _ := a.Body.([]any)
	return list
}

// Message gives the message of an error.
func (a Reply) Message() string {
	text, _ := a.Doc()["message"].(string)
	return text
}

// API calls the Management API with every scope. Path begins behind /api/v2; body is encoded as JSON unless it is nil.
func (s *Server) API(method, path string, body any) Reply {
	s.T.Helper()
	return s.Call(s.Token(), method, path, body)
}

// Must calls the Management API as API does and ends the test unless it answers with the status.
func (s *Server) Must(status int, method, path string, body any) Reply {
	s.T.Helper()
	a := s.API(method, path, body)
	if a.Status != status {
		s.T.Fatalf("%s %s: got %d %s, want %d", method, path, a.Status, a.Text, status)
	}
	return a
}

// Call calls the Management API with a token; an empty one sends none.
func (s *Server) Call(token, method, path string, body any) Reply {
	s.T.Helper()
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		s.must(err)
		payload = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(context.Background(), method, s.URL+"/api/v2"+path, payload)
	s.must(err)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return s.Send(r)
}

// Send sends any request and reads the answer.
func (s *Server) Send(r *http.Request) Reply {
	s.T.Helper()
	res, err := http.DefaultClient.Do(r)
	s.must(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	s.must(err)
	a := Reply{Status: res.StatusCode, Header: res.Header, Text: string(text)}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") && len(text) > 0 {
		s.must(json.Unmarshal(text, &a.Body))
	}
	return a
}

// Token gives a machine's token for the Management API: with the given scopes, or with every one when none is given.
func (s *Server) Token(scopes ...string) string {
	s.T.Helper()
	if len(scopes) == 0 {
		api, err := s.Database.Store.ResourceServer(context.Background(), s.Tenant.ID, s.Tenant.ManagementAudience())
		s.must(err)
		for _, scope := range api.Scopes {
			scopes = append(scopes, scope.Value)
		}
	}
	return s.SignToken(map[string]any{
		"sub": s.M2M.ID + "@clients", "azp": s.M2M.ID, "gty": "client-credentials", "scope": strings.Join(scopes, " "),
	})
}

// UserToken gives a user's token for the Management API, as an application would get one.
func (s *Server) UserToken(userID string, scopes ...string) string {
	s.T.Helper()
	return s.SignToken(map[string]any{"sub": userID, "azp": s.SPA.ID, "scope": strings.Join(scopes, " ")})
}

// SignToken signs a token of this tenant's Management API; the claims given win over the usual ones.
func (s *Server) SignToken(claims map[string]any) string {
	s.T.Helper()
	signer, err := s.Database.Keys.Signer(context.Background(), s.Tenant.ID, jwt.RS256)
	s.must(err)
	all := map[string]any{
		"iss": s.Issuer, "aud": s.Tenant.ManagementAudience(), "iat": s.Clock.Now().Unix(),
		"exp": s.Clock.Now().Add(time.Hour).Unix(), "jti": ident.Token(12),
	}
	for name, v := range claims {
		all[name] = v
	}
	token, err := signer.Sign(jwt.TypeJWT, all)
	s.must(err)
	return token
}

// Text writes any value as JSON, to look for secrets in it.
func Text(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
