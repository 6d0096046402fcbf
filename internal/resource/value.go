package resource

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"latchkey/internal/apierr"
)

// MaxDepth is how deep a value may be nested. What is in it stands deeper in lists and in the log, and many a client reads
// no more than some thousand levels.
const MaxDepth = 500

// Refusals of Check.
var (
	ErrDepth = apierr.New(apierr.Invalid, "invalid_body", fmt.Sprintf("Values are nested more than %d deep", MaxDepth))
	ErrText  = apierr.New(apierr.Invalid, "invalid_body", "Texts must be UTF-8 without the NUL character")
)

// Check tells whether a JSON value can be kept, and be read again by everybody: ErrDepth or ErrText where it cannot.
// Databases keep no NUL character and no text that is not UTF-8.
func Check(v any) error { return check(v, MaxDepth) }

func check(v any, depth int) error {
	if depth < 0 {
		return ErrDepth
	}
	switch v := v.(type) {
	case string:
		if strings.Contains(v, "\x00") || !utf8.ValidString(v) {
			return ErrText
		}
	case []any:
		for _, one := range v {
			if err := check(one, depth-1); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, one := range v {
			if err := check(name, depth); err != nil {
				return err
			}
			if err := check(one, depth-1); err != nil {
				return err
			}
		}
	}
	return nil
}
