package guides

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// kind says what is done with a block of a guide.
type kind string

const (
	shown   kind = ""       // for people only
	run     kind = "run"    // typed into the guide's shell
	answer  kind = "answer" // what the block before it printed
	written kind = "file"   // put into the guide's folder, under the name that follows
)

// block is one fenced block of a guide.
type block struct {
	kind     kind
	language string
	name     string // of a file
	line     int    // of its first line of text, counted from 1
	text     string
}

// fence is a line that opens or closes a block: three or more backticks and, where it opens one, words about it.
var fence = regexp.MustCompile("^(`{3,})\\s*(.*?)\\s*$")

// blocks reads the fenced blocks of a Markdown document. The first word after the fence is the language; a second one of
// "run", "answer" or "file=NAME" says what is done with it.
func blocks(markdown string) ([]block, error) {
	var all []block
	var open string // the fence that opened the block we are in
	for i, line := range strings.Split(markdown, "\n") {
		m := fence.FindStringSubmatch(line)
		switch {
		case open == "" && m == nil:
		case open == "":
			b, err := opened(m[2])
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
			b.line = i + 2
			open, all = m[1], append(all, b)
		case m != nil && m[2] == "" && len(m[1]) >= len(open):
			open = ""
		default:
			all[len(all)-1].text += line + "\n"
		}
	}
	if open != "" {
		return nil, fmt.Errorf("line %d: the block never ends", all[len(all)-1].line-1)
	}
	return all, ordered(all)
}

// opened reads the words after a fence.
func opened(words string) (block, error) {
	fields := strings.Fields(words)
	if len(fields) == 0 {
		return block{}, nil
	}
	b := block{language: fields[0]}
	if len(fields) == 1 {
		return b, nil
	}
	name, isFile := strings.CutPrefix(fields[1], "file=")
	switch {
	case len(fields) > 2:
		return block{}, fmt.Errorf("%q says more than one thing of its block", words)
	case isFile && name != "" && !strings.Contains(name, ".."):
		b.kind, b.name = written, name
	case fields[1] == string(run) && b.language == "sh":
		b.kind = run
	case fields[1] == string(answer):
		b.kind = answer
	default:
		return block{}, fmt.Errorf("%q is no mark of a block: sh run, LANGUAGE answer or LANGUAGE file=NAME", words)
	}
	return b, nil
}

// ordered refuses answers to nothing.
func ordered(all []block) error {
	marked := slices.DeleteFunc(slices.Clone(all), func(b block) bool { return b.kind == shown })
	for i, b := range marked {
		if b.kind == answer && (i == 0 || marked[i-1].kind != run) {
			return fmt.Errorf("line %d: the answer stands behind no block that runs", b.line)
		}
	}
	return nil
}

// rest stands for whatever changes from one run to the next: within a line for any text, on a line of its own for any
// lines.
const rest = "…"

// fits compares what was printed with what a guide shows.
func fits(want, got string) bool {
	return pattern(want).MatchString(strings.TrimSpace(got))
}

// pattern is the expression for what a guide shows.
func pattern(want string) *regexp.Regexp {
	lines := strings.Split(strings.TrimSpace(want), "\n")
	for i, line := range lines {
		if strings.TrimSpace(line) == rest {
			lines[i] = `(?s:.*)`
			continue
		}
		parts := strings.Split(strings.TrimRight(line, " \t\r"), rest)
		for j, part := range parts {
			parts[j] = regexp.QuoteMeta(part)
		}
		lines[i] = strings.Join(parts, `.*?`) + `[ \t\r]*`
	}
	return regexp.MustCompile(`\A` + strings.Join(lines, "\n") + `\z`)
}
