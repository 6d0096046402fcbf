package locale

import (
	"embed"
	"encoding/json"
	"fmt"
	"sync"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

//go:embed texts/*.json
var files embed.FS

// Screens are texts by screen and key; Prompts are screens by prompt, as the custom-text API has them.
type (
	Screens map[string]map[string]string
	Prompts map[string]Screens
	// Custom are the texts a tenant has written itself, by language. It is read and never changed.
	Custom map[string]Prompts
)

// catalogue is the built-in text of one language.
type catalogue struct {
	header  header
	prompts map[string]map[string]map[string]message
}

// header says what a reader of a file must know about it.
type header struct {
	Language     string `json:"language"`
	NativeReader string `json:"native_reader"` // who has read it, or "not yet"
}

// message is a text, or one text for each plural category of its language (CLDR names).
type message struct {
	text  string
	forms map[string]string
}

// UnmarshalJSON reads a string or an object of plural forms.
func (m *message) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		return json.Unmarshal(b, &m.forms)
	}
	return json.Unmarshal(b, &m.text)
}

// UnmarshalJSON reads a file: the header stands under "@", everything else is a prompt.
func (c *catalogue) UnmarshalJSON(b []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	c.prompts = make(map[string]map[string]map[string]message, len(raw))
	for name, body := range raw {
		if name == "@" {
			if err := json.Unmarshal(body, &c.header); err != nil {
				return err
			}
			continue
		}
		var screens map[string]map[string]message
		if err := json.Unmarshal(body, &screens); err != nil {
			return fmt.Errorf("prompt %s: %w", name, err)
		}
		c.prompts[name] = screens
	}
	return nil
}

// builtin holds the catalogues, each parsed when it is first asked for.
var builtin = func() map[string]func() *catalogue {
	m := make(map[string]func() *catalogue, len(shipped))
	for _, tag := range shipped {
		m[tag] = sync.OnceValue(func() *catalogue {
			b, err := files.ReadFile("texts/" + tag + ".json")
			if err != nil {
				panic(err) // every shipped language has its file: tested
			}
			c := new(catalogue)
			if err := json.Unmarshal(b, c); err != nil {
				panic(fmt.Sprintf("texts of %s: %v", tag, err)) // every file parses: tested
			}
			return c
		})
	}
	return m
}()

// category gives the CLDR plural category of n in a language.
func category(tag string, n int) string {
	t, err := language.Parse(tag)
	if err != nil {
		return "other"
	}
	switch plural.Cardinal.MatchPlural(t, n, 0, 0, 0, 0) {
	case plural.Zero:
		return "zero"
	case plural.One:
		return "one"
	case plural.Two:
		return "two"
	case plural.Few:
		return "few"
	case plural.Many:
		return "many"
	default:
		return "other"
	}
}
