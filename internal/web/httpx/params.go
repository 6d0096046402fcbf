package httpx

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"latchkey/internal/apierr"
)

// MaxBody is the largest body that the Authentication API reads.
const MaxBody = 1 << 20

// Refusals of ReadBody, ReadQuery and the methods of Params. All others have the code of ErrBadRequest and their own
// message.
var (
	// ErrBadRequest is a request that cannot be read, or whose parameters are not what they must be.
	ErrBadRequest = apierr.New(apierr.Invalid, "invalid_request", "The request cannot be read.")
	// ErrTooLarge is a body above its limit. Its status is 413.
	ErrTooLarge = apierr.New(apierr.Invalid, "body_too_large", "The request body is too large.")
)

func badRequest(message string) error {
	return apierr.New(apierr.Invalid, ErrBadRequest.Code, message)
}

// Params are the parameters of one request, each given at most once. Text parameters are strings; structured ones are
// JSON values, which forms carry as JSON text.
type Params struct {
	text       map[string]string
	structured map[string]json.RawMessage
}

// Get gives a text parameter, or nothing when it is absent (or null in JSON).
func (p Params) Get(name string) string { return p.text[name] }

// Has reports whether the parameter is there, even if empty.
func (p Params) Has(name string) bool {
	_, text := p.text[name]
	_, structured := p.structured[name]
	return text || structured
}

// Names lists the parameters that are there, in no order.
func (p Params) Names() []string {
	names := make([]string, 0, len(p.text)+len(p.structured))
	for name := range p.text {
		names = append(names, name)
	}
	for name := range p.structured {
		names = append(names, name)
	}
	return names
}

// Trimmed gives a text parameter without surrounding space, as Auth0 reads identifiers and codes.
func (p Params) Trimmed(name string) string { return strings.TrimSpace(p.text[name]) }

// Values gives the text parameters in the form of net/url. The map is the caller's own.
func (p Params) Values() url.Values {
	v := make(url.Values, len(p.text))
	for name, text := range p.text {
		v[name] = []string{text}
	}
	return v
}

// Text refuses the request when one of the named parameters is there but is no text: a number, list or object in JSON.
func (p Params) Text(names ...string) error {
	for _, name := range names {
		if _, wrong := p.structured[name]; wrong {
			return badRequest(quoteName(name) + " must be a string.")
		}
	}
	return nil
}

// Texts refuses the request when any parameter is no text.
func (p Params) Texts() error {
	names := p.Names()
	slices.Sort(names)
	return p.Text(names...)
}

// Within refuses the request when its text parameters are larger: all of them, names included, than total bytes, or the
// value of one than most gives for its name.
func (p Params) Within(total int, most func(name string) int) error {
	size := 0
	for _, name := range slices.Sorted(maps.Keys(p.text)) {
		size += len(name) + len(p.text[name])
		if len(p.text[name]) > most(name) {
			return badRequest("The parameter " + quoteName(name) + " is too long.")
		}
	}
	if size > total {
		return badRequest("The parameters are too long.")
	}
	return nil
}

// Decode reads a structured parameter into v, from a JSON value or from a string that holds one. It reports whether the
// parameter was there.
func (p Params) Decode(name string, v any) (bool, error) {
	raw, ok := p.structured[name]
	if !ok {
		text, isText := p.text[name]
		if !isText || text == "" {
			return false, nil
		}
		raw = json.RawMessage(text)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return true, badRequest(quoteName(name) + " has the wrong form.")
	}
	return true, nil
}

// List gives a parameter that may be a list of strings or one string of words, as "scope" may.
func (p Params) List(name string) ([]string, error) {
	raw, ok := p.structured[name]
	if !ok {
		return strings.Fields(p.text[name]), nil
	}
	var list []string
	if json.Unmarshal(raw, &list) != nil {
		return nil, badRequest(quoteName(name) + " must be an array or a string.")
	}
	return list, nil
}

// ReadQuery reads the parameters of the request's address.
func ReadQuery(r *http.Request) (Params, error) {
	return readForm(r.URL.RawQuery)
}

// ReadBody reads the parameters of the request's body, JSON or form (Auth0's clients send either to any endpoint), of at
// most limit bytes. A request without a body has no parameters.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) (Params, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return Params{}, ErrTooLarge
		}
		return Params{}, badRequest("The request body could not be read to its end.")
	}
	header := r.Header.Get("Content-Type")
	if len(body) == 0 {
		return Params{}, nil
	}
	mediaType, _, err := mime.ParseMediaType(header)
	if err != nil && mediaType == "" {
		return Params{}, badRequest("The request has no valid Content-Type header. Send application/json or application/x-www-form-urlencoded.")
	}
	switch mediaType {
	case "application/json":
		return readJSON(body)
	case "application/x-www-form-urlencoded":
		return readForm(string(body))
	}
	return Params{}, badRequest("The Content-Type must be application/json or application/x-www-form-urlencoded.")
}

// readForm reads a form or query. It refuses repeated parameters (RFC 6749 section 3.1) and text no database can hold.
func readForm(encoded string) (Params, error) {
	values, err := url.ParseQuery(encoded)
	if err != nil {
		return Params{}, badRequest("The parameters are not correctly encoded.")
	}
	p := Params{text: make(map[string]string, len(values))}
	for name, all := range values {
		if len(all) > 1 {
			return Params{}, badRequest("The parameter " + quoteName(name) + " is given more than once.")
		}
		if err := storable(name, all[0]); err != nil {
			return Params{}, err
		}
		p.text[name] = all[0]
	}
	return p, nil
}

// readJSON reads a JSON object. encoding/json keeps the last of repeated members, so they are read one by one.
func readJSON(body []byte) (Params, error) {
	malformed := badRequest("The request body is not valid JSON.")
	if !utf8.Valid(body) {
		return Params{}, malformed
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		if err == nil && json.Valid(body) {
			return Params{}, badRequest("The request body must be a JSON object.")
		}
		return Params{}, malformed
	}
	p := Params{text: map[string]string{}, structured: map[string]json.RawMessage{}}
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return Params{}, malformed
		}
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return Params{}, malformed
		}
		if p.Has(name) {
			return Params{}, badRequest("The parameter " + quoteName(name) + " is given more than once.")
		}
		if err := p.addJSON(name, raw); err != nil {
			return Params{}, err
		}
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return Params{}, malformed
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Params{}, malformed
	}
	return p, nil
}

func (p Params) addJSON(name string, raw json.RawMessage) error {
	switch {
	case string(raw) == "null":
		return storable(name, "")
	case raw[0] == '"':
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return badRequest("The request body is not valid JSON.")
		}
		p.text[name] = text
		return storable(name, text)
	}
	p.structured[name] = raw
	return storable(name, "")
}

// storable refuses text that is not UTF-8 or holds a NUL, which PostgreSQL cannot keep and nobody types.
func storable(name, text string) error {
	if !utf8.ValidString(name) || strings.IndexByte(name, 0) >= 0 {
		return badRequest("The name of a parameter is not valid text.")
	}
	if !utf8.ValidString(text) || strings.IndexByte(text, 0) >= 0 {
		return badRequest("The parameter " + quoteName(name) + " is not valid text.")
	}
	return nil
}

// quoteName gives a parameter's name for an error message: short, printable, plain.
func quoteName(name string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for i, r := range name {
		if i >= 40 {
			b.WriteString("...")
			break
		}
		if r < ' ' || r > '~' || r == '\'' || r == '"' || r == '\\' || r == '<' || r == '>' {
			r = '?'
		}
		b.WriteRune(r)
	}
	b.WriteByte('\'')
	return b.String()
}
