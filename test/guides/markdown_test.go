package guides

import (
	"strings"
	"testing"
)

const sample = "Type this:\n\n```sh run\necho hello\n```\n\nIt answers\n\n```text answer\nhel…\n```\n\nand write this:\n\n" +
	"````js file=app.mjs\nconst fence = '```'\n````\n\n```sh\nnever run\n```\n"

func TestBlocks_AreReadWithTheirMarks(t *testing.T) {
	t.Parallel()
	got, err := blocks(sample)
	if err != nil {
		t.Fatal(err)
	}
	want := []block{
		{kind: run, language: "sh", line: 4, text: "echo hello\n"},
		{kind: answer, language: "text", line: 10, text: "hel…\n"},
		{kind: written, language: "js", name: "app.mjs", line: 16, text: "const fence = '```'\n"},
		{language: "sh", line: 20, text: "never run\n"},
	}
	if len(got) != len(want) {
		t.Fatalf("got %d blocks, want %d: %+v", len(got), len(want), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("block %d: got %+v, want %+v", i, got[i], want[i])
		}
	}
}

func TestBlocks_RefusesMarksThatMeanNothing(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a mistyped mark":        "```sh runs\ntrue\n```\n",
		"JavaScript that is run": "```js run\ntrue\n```\n",
		"two marks":              "```sh run answer\ntrue\n```\n",
		"a file without a name":  "```js file=\n```\n",
		"a file elsewhere":       "```js file=../app.mjs\n```\n",
		"a block without end":    "```sh run\ntrue\n",
		"an answer to nothing":   "```sh\ntrue\n```\n\n```text answer\n```\n",
		"an answer to an answer": "```sh run\ntrue\n```\n\n```text answer\n```\n\n```text answer\n```\n",
	} {
		if got, err := blocks(text); err == nil {
			t.Errorf("%s was accepted: %+v", name, got)
		}
	}
}

func TestFits_TakesTheMarkForWhateverChangesAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		want, got string
		fit       bool
	}{
		{"hello\n", "hello", true},
		{"hello", "hello there", false},
		{"hello", "why, hello", false},
		{"hel…", "hello there", true},
		{"…there", "hello there", true},
		{`"id": "…"`, `"id": "con_1"`, true},
		{`"id": "…"`, "\"id\": \"con_1\n\"", false},
		{"{\n  …\n  \"b\": 2\n}", "{\n  \"a\": 1,\n  \"c\": 1,\n  \"b\": 2\n}", true},
		{"{\n  …\n  \"b\": 2\n}", "{\n  \"a\": 1,\n  \"b\": 3\n}", false},
		{"a.c", "abc", false},
		{"two  \nlines", "two\nlines  ", true},
	} {
		if got := fits(c.want, c.got); got != c.fit {
			t.Errorf("%q for %q: got %v, want %v", c.got, c.want, got, c.fit)
		}
	}
	if strings.Contains(rest, ".") {
		t.Error("three dots stand in many answers")
	}
}
