package message

import (
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// plainText is the text part of a mail whose HTML a tenant wrote: what a person would read of it, links with their
// addresses.
func plainText(body string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(body))
	hidden, href := 0, ""
	for {
		switch z.Next() {
		case html.ErrorToken:
			return tidy(b.String())
		case html.TextToken:
			if hidden == 0 {
				b.WriteString(spaces.ReplaceAllString(string(z.Text()), " "))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			switch {
			case concealed(t.DataAtom) && t.Type == html.StartTagToken:
				hidden++
			case t.DataAtom == atom.A:
				href = attribute(t, "href")
			case breaks(t.DataAtom):
				b.WriteByte('\n')
			}
		case html.EndTagToken:
			t := z.Token()
			switch {
			case concealed(t.DataAtom):
				hidden = max(0, hidden-1)
			case t.DataAtom == atom.A && href != "" && hidden == 0:
				if !strings.Contains(b.String(), href) {
					b.WriteString("\n" + href + "\n")
				}
				href = ""
			case breaks(t.DataAtom):
				b.WriteByte('\n')
			}
		}
	}
}

var spaces = regexp.MustCompile(`[ \t\r\n\f]+`)

func concealed(a atom.Atom) bool {
	return a == atom.Style || a == atom.Script || a == atom.Title || a == atom.Template
}

func breaks(a atom.Atom) bool {
	switch a {
	case atom.P, atom.Br, atom.Div, atom.Tr, atom.Table, atom.Li, atom.Ul, atom.Ol, atom.H1, atom.H2, atom.H3, atom.H4, atom.Hr, atom.Blockquote:
		return true
	}
	return false
}

func attribute(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// tidy trims lines and leaves at most one empty line between them.
func tidy(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" && (len(lines) == 0 || lines[len(lines)-1] == "") {
			continue
		}
		lines = append(lines, line)
	}
	return strings.TrimSpace(strings.Join(lines, "\n")) + "\n"
}
