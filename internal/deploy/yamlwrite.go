package deploy

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"unicode"
)

// writeYAML gives the text of the YAML file: one key for each type in the order given, resources with their keys in the
// canonical order. It is written here and not by a library, so that the same configuration has the same bytes for ever,
// and every YAML 1.1 and 1.2 reader takes them for the same values.
func writeYAML(sections []yamlSection) []byte {
	var b bytes.Buffer
	for _, s := range sections {
		b.WriteString(s.name + ":")
		writeNode(&b, s.value, "", true)
	}
	if b.Len() == 0 {
		return []byte("{}\n")
	}
	return b.Bytes()
}

// yamlSection is one key of the YAML file.
type yamlSection struct {
	name  string
	value any
}

// writeNode writes a value behind a key or dash, with the newline that ends it. Indent is that of the key.
func writeNode(b *bytes.Buffer, v any, indent string, resource bool) {
	switch v := v.(type) {
	case object:
		if len(v) == 0 {
			b.WriteString(" {}\n")
			return
		}
		b.WriteByte('\n')
		writeMapping(b, v, indent+"  ", indent+"  ", resource)
	case []any:
		if len(v) == 0 {
			b.WriteString(" []\n")
			return
		}
		b.WriteByte('\n')
		for _, item := range v {
			b.WriteString(indent + "  -")
			if o, ok := item.(object); ok && len(o) > 0 {
				writeMapping(b, o, " ", indent+"    ", resource)
				continue
			}
			writeNode(b, item, indent+"  ", resource)
		}
	default:
		b.WriteString(" " + scalar(v, indent) + "\n")
	}
}

// writeMapping writes the pairs of an object. The first is led by lead, the others by indent.
func writeMapping(b *bytes.Buffer, o object, lead, indent string, resource bool) {
	for _, key := range keysOf(o, resource) {
		b.WriteString(lead + inline(key) + ":")
		writeNode(b, o[key], indent, false)
		lead = indent
	}
}

func scalar(v any, indent string) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		if v {
			return "true"
		}
		return "false"
	case json.Number:
		return v.String()
	case string:
		if literal.MatchString(v) {
			return block(v, indent+"  ")
		}
		return inline(v)
	}
	return show(v)
}

// line is the text of a line in a literal block, without the spaces before it. It does not end with one.
const line = `[!-~\pL]([ -~\pL]*[!-~\pL])?`

var (
	// bare is text that means itself without quotes, provided that it is none of reserved.
	bare = regexp.MustCompile(`^[\pL_/.$(]([\pL\pN_/.$()@+~=%;?!*&^-]|:[\pL\pN_/.-]|[ ,]+[\pL\pN_/.$(])*$`)
	// reserved is text that some reader takes for something else than a string.
	reserved = regexp.MustCompile(`(?i)^(null|true|false|yes|no|on|off|y|n|[-+]?\.inf|\.nan|\.[0-9].*|\.)$`)
	// literal is text of several lines that a literal block keeps as it is, whoever reads it.
	literal = regexp.MustCompile(`^` + line + `(\n( *` + line + `)?)*\n( *` + line + `)?$`)
)

// inline writes text on one line.
func inline(s string) string {
	if bare.MatchString(s) && !reserved.MatchString(s) {
		return s
	}
	for _, r := range s {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return escaped(s)
		}
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// escaped writes text between double quotes. JSON's escapes are YAML's too.
func escaped(s string) string {
	var b strings.Builder
	for _, r := range quoteJSON(s) {
		if r > unicode.MaxASCII && !unicode.IsPrint(r) {
			if r > 0xFFFF {
				b.WriteString(`\U` + hexDigits(r, 8))
			} else {
				b.WriteString(`\u` + hexDigits(r, 4))
			}
			continue
		}
		if r == 0x7F {
			b.WriteString(`\x7F`)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func hexDigits(r rune, digits int) string {
	out := make([]byte, digits)
	for i := digits - 1; i >= 0; i-- {
		out[i] = "0123456789ABCDEF"[r&15]
		r >>= 4
	}
	return string(out)
}

// block writes text of several lines as a literal block.
func block(s, indent string) string {
	head := "|-"
	body := s
	if strings.HasSuffix(s, "\n") {
		head, body = "|", strings.TrimSuffix(s, "\n")
		if strings.HasSuffix(body, "\n") {
			head = "|+"
		}
	}
	lines := strings.Split(body, "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = indent + line
		}
	}
	return head + "\n" + strings.Join(lines, "\n")
}
