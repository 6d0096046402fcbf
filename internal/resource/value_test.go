package resource_test

import (
	"errors"
	"testing"

	"latchkey/internal/resource"
)

func TestCheck_TakesWhatCanBeKeptAndReadAgain(t *testing.T) {
	t.Parallel()
	nested := func(levels int) any {
		var v any = "x"
		for range levels {
			v = []any{map[string]any{"a": v}}
		}
		return v
	}
	for what, test := range map[string]struct {
		value any
		want  error
	}{
		"a text":                 {"ä\u2028😀", nil},
		"nothing":                {nil, nil},
		"numbers":                {[]any{1.5, true, nil}, nil},
		"as deep as allowed":     {nested(resource.MaxDepth / 2), nil},
		"deeper":                 {nested(resource.MaxDepth/2 + 1), resource.ErrDepth},
		"NUL":                    {"a\x00b", resource.ErrText},
		"NUL in a name":          {map[string]any{"a\x00": 1.0}, resource.ErrText},
		"NUL, far inside":        {[]any{map[string]any{"a": []any{"\x00"}}}, resource.ErrText},
		"half of a character":    {"\xc3", resource.ErrText},
		"a byte that is no text": {[]any{"\xff"}, resource.ErrText},
	} {
		if got := resource.Check(test.value); !errors.Is(got, test.want) {
			t.Errorf("%s: got %v, want %v", what, got, test.want)
		}
	}
}
