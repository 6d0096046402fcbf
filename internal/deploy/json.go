package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// parseJSON reads one JSON value.
func parseJSON(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			line := 1 + bytes.Count(data[:min(int(syntax.Offset), len(data))], []byte("\n"))
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the file is empty; write {} for an empty object")
		}
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the JSON value")
	}
	return normal(v), nil
}

// writeJSON gives the text of a JSON file: two spaces for each level, a newline at the end, and the canonical order of
// keys.
func writeJSON(v any) []byte {
	var b bytes.Buffer
	writeValue(&b, v, "\n", true)
	b.WriteByte('\n')
	return b.Bytes()
}

func writeValue(b *bytes.Buffer, v any, newline string, resource bool) {
	inner := newline + "  "
	switch v := v.(type) {
	case object:
		if len(v) == 0 {
			b.WriteString("{}")
			return
		}
		for i, key := range keysOf(v, resource) {
			b.WriteString(separator(i, "{", inner))
			b.WriteString(quoteJSON(key))
			b.WriteString(": ")
			writeValue(b, v[key], inner, false)
		}
		b.WriteString(newline + "}")
	case []any:
		if len(v) == 0 {
			b.WriteString("[]")
			return
		}
		for i, item := range v {
			b.WriteString(separator(i, "[", inner))
			writeValue(b, item, inner, resource)
		}
		b.WriteString(newline + "]")
	case string:
		b.WriteString(quoteJSON(v))
	default:
		b.WriteString(show(v))
	}
}

func separator(i int, open, newline string) string {
	if i == 0 {
		return open + newline
	}
	return "," + newline
}

func quoteJSON(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string can always be encoded
	return strings.TrimSuffix(b.String(), "\n")
}
