package lucene_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/internal/apierr"
	"latchkey/internal/lucene"
)

type (
	and = lucene.And
	or  = lucene.Or
	not = lucene.Not
	all = lucene.All
	ex  = lucene.Exists
	n   = []lucene.Node
)

func word(field, value string) lucene.Term { return lucene.Term{Field: field, Value: value} }

func phrase(field, value string) lucene.Term {
	return lucene.Term{Field: field, Value: value, Phrase: true}
}

func wild(field, value string, pattern ...string) lucene.Term {
	return lucene.Term{Field: field, Value: value, Pattern: pattern}
}

func TestParse_ReadsWhatIsDocumented(t *testing.T) {
	t.Parallel()
	a, b, c := word("", "a"), word("", "b"), word("", "c")
	for q, want := range map[string]lucene.Node{
		"":                                   all{},
		"  ":                                 all{},
		"*":                                  all{},
		"*:*":                                all{},
		"a":                                  a,
		`"a b"`:                              phrase("", "a b"),
		`""`:                                 phrase("", ""),
		`email:"x@example.com"`:              phrase("email", "x@example.com"),
		"email:x@example.com":                word("email", "x@example.com"),
		"email : x":                          nil,
		"email: x":                           word("email", "x"),
		"user_id:auth0|1":                    word("user_id", "auth0|1"),
		`phone_number:"+1555"`:               phrase("phone_number", "+1555"),
		"phone_number:+1555":                 word("phone_number", "+1555"),
		"app_metadata.n:-5":                  word("app_metadata.n", "-5"),
		`name:J\ \"x\"`:                      word("name", `J "x"`),
		`name:"a \"quoted\" \\ word"`:        phrase("name", `a "quoted" \ word`),
		`a\:b`:                               word("", "a:b"),
		`app_metadata.a\:b:c`:                word("app_metadata.a:b", "c"),
		`name:a\*`:                           word("name", "a*"),
		`name:"a*"`:                          phrase("name", "a*"),
		"name:jan*":                          wild("name", "jan*", "jan", ""),
		"name:*ane":                          wild("name", "*ane", "", "ane"),
		"name:*ane*":                         wild("name", "*ane*", "", "ane", ""),
		"name:j**n**":                        wild("name", "j**n**", "j", "n", ""),
		"name:**n":                           wild("name", "**n", "", "n"),
		"name:*":                             ex{"name"},
		"name:**":                            ex{"name"},
		"_exists_:app_metadata.x":            ex{"app_metadata.x"},
		`_exists_:"name"`:                    ex{"name"},
		"NOT _exists_:name":                  not{ex{"name"}},
		"-_exists_:name":                     not{ex{"name"}},
		"a b":                                or{n{a, b}},
		"a OR b":                             or{n{a, b}},
		"a || b":                             or{n{a, b}},
		"a AND b":                            and{n{a, b}},
		"a && b":                             and{n{a, b}},
		"a AND b AND c":                      and{n{a, b, c}},
		"a OR b AND c":                       or{n{a, and{n{b, c}}}},
		"(a OR b) AND c":                     and{n{or{n{a, b}}, c}},
		"(a OR b)c":                          or{n{or{n{a, b}}, c}},
		"NOT a":                              not{a},
		"!a":                                 not{a},
		"! a":                                not{a},
		"-a":                                 not{a},
		"NOT NOT a":                          a,
		"NOT(a OR b)":                        not{or{n{a, b}}},
		"a NOT b":                            and{n{a, not{b}}},
		"a -b c":                             and{n{or{n{a, c}}, not{b}}},
		"+a b":                               a,
		"+a +b -c":                           and{n{a, b, not{c}}},
		"+a b AND c":                         and{n{a, and{n{b, c}}}},
		"a OR NOT b":                         or{n{a, not{b}}},
		"a AND NOT b":                        and{n{a, not{b}}},
		"a AND +b":                           and{n{a, b}},
		"a and b":                            or{n{a, word("", "and"), b}},
		"ORange":                             word("", "ORange"),
		"NOTa":                               word("", "NOTa"),
		"a-b":                                word("", "a-b"),
		`name:(a OR "b c")`:                  or{n{word("name", "a"), phrase("name", "b c")}},
		"name:(+a -b email:c)":               and{n{word("name", "a"), not{word("name", "b")}}},
		"name:(a* AND NOT b)":                and{n{wild("name", "a*", "a", ""), not{word("name", "b")}}},
		"c:[1 TO 5]":                         lucene.Range{Field: "c", Low: "1", High: "5", IncLow: true, IncHigh: true},
		"c:{1 TO 5}":                         lucene.Range{Field: "c", Low: "1", High: "5"},
		"c:[1 TO 5}":                         lucene.Range{Field: "c", Low: "1", High: "5", IncLow: true},
		"c:{ 1 TO 5 ]":                       lucene.Range{Field: "c", Low: "1", High: "5", IncHigh: true},
		"c:[100 TO *]":                       lucene.Range{Field: "c", Low: "100", IncLow: true, IncHigh: true},
		"c:[* TO 2026-01}":                   lucene.Range{Field: "c", High: "2026-01", IncLow: true},
		`c:["2026-01-01T10:00:00Z" TO *]`:    lucene.Range{Field: "c", Low: "2026-01-01T10:00:00Z", IncLow: true, IncHigh: true},
		"c:[2026-01-01T10:00:00Z TO *] OR a": or{n{lucene.Range{Field: "c", Low: "2026-01-01T10:00:00Z", IncLow: true, IncHigh: true}, a}},
		"c:[* TO *]":                         ex{"c"},
		"c:>5":                               lucene.Range{Field: "c", Low: "5"},
		"c:>=5":                              lucene.Range{Field: "c", Low: "5", IncLow: true},
		"c:<5 a":                             or{n{lucene.Range{Field: "c", High: "5"}, a}},
		"c:<=5":                              lucene.Range{Field: "c", High: "5", IncHigh: true},
		"created_at:2026-01-01T10:00:00Z":    word("created_at", "2026-01-01T10:00:00Z"),
		"name:Jörg":                          word("name", "Jörg"),
	} {
		got, err := lucene.Parse(q)
		if want == nil {
			if err == nil {
				t.Errorf("%q: got %#v, want a refusal", q, got)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: got error %v", q, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", q, diff)
		}
	}
}

func TestParse_RefusesWithASentence(t *testing.T) {
	t.Parallel()
	for _, q := range []string{
		"(", ")", "()", "(a", "a)", "a AND", "AND a", "OR", "a OR", "a AND OR b", "NOT", "-", "+", "!", "a NOT",
		"email:", "email:)", ":a", "a:b:\"", `"a`, `a\`, "name:j?ne", "a~", "a~2", `"a b"~3`, "a^2", "[a TO b]", "{", "}",
		"c:[1 TO 5", "c:[1 5]", "c:[TO 5]", "c:[1 TO ]", "c:[", "c:", "c:>", "c:>*", "c:>a*", `c:["" TO 5]`,
		"_exists_:", "_exists_:a*", "_exists_:*", "na*me:x", "*:x", "name:()", "name:(a", "c:[1 to 5]", "a\x00", "\xff",
		strings.Repeat("a", lucene.MaxLength+1), strings.Repeat("(", 100), strings.Repeat("a ", lucene.MaxTerms+1),
		strings.Repeat("NOT ", 100) + "a", strings.Repeat("x:(", 100),
	} {
		got, err := lucene.Parse(q)
		if err == nil {
			t.Errorf("%.60q: got %#v, want a refusal", q, got)
			continue
		}
		e := apierr.As(err)
		if e.Kind != apierr.Invalid || e.Code != lucene.Code || !strings.HasSuffix(e.Message, ".") || len(e.Message) > 200 {
			t.Errorf("%.60q: got error %+v, want a short sentence", q, e)
		}
	}
}

func TestParse_TakesAHundredIDs(t *testing.T) {
	t.Parallel()
	ids := strings.Repeat(`"auth0|0123456789abcdef01234567" OR `, 100)
	if _, err := lucene.Parse("user_id:(" + strings.TrimSuffix(ids, " OR ") + ")"); err != nil {
		t.Error(err)
	}
}

func TestDate_CompletesWhatIsCutShort(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		"2026":                          {"2026-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"},
		"2026-02":                       {"2026-02-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z"},
		"2026-02-28":                    {"2026-02-28T00:00:00.000Z", "2026-03-01T00:00:00.000Z"},
		"2026-02-28T23":                 {"2026-02-28T23:00:00.000Z", "2026-03-01T00:00:00.000Z"},
		"2026-02-28T23:59":              {"2026-02-28T23:59:00.000Z", "2026-03-01T00:00:00.000Z"},
		"2026-02-28T23:59:59":           {"2026-02-28T23:59:59.000Z", "2026-03-01T00:00:00.000Z"},
		"2026-02-28T23:59:59Z":          {"2026-02-28T23:59:59.000Z", "2026-03-01T00:00:00.000Z"},
		"2026-02-28T23:59:59.5Z":        {"2026-02-28T23:59:59.500Z", "2026-02-28T23:59:59.501Z"},
		"2026-02-28T23:59:59.123456Z":   {"2026-02-28T23:59:59.123Z", "2026-02-28T23:59:59.124Z"},
		"2026-03-01T01:00:00.000+02:00": {"2026-02-28T23:00:00.000Z", "2026-02-28T23:00:00.001Z"},
	} {
		from, until, ok := lucene.Date(text)
		if got := [2]string{from.Format(lucene.DateLayout), until.Format(lucene.DateLayout)}; !ok || got != want {
			t.Errorf("%s: got %v %v, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "yesterday", "2026-13", "2026-02-30", "26", "2026-02-28 10:00"} {
		if from, _, ok := lucene.Date(text); ok {
			t.Errorf("%q: got %s, want no date", text, from.Format(time.RFC3339))
		}
	}
}

func TestMatch_AnswersForARow(t *testing.T) {
	t.Parallel()
	row := map[string][]string{
		"type": {"s"}, "client_name": {"My App"}, "ip": {"192.0.2.1"}, "date": {"2026-03-31T22:10:00.000Z"},
		"description": {"Delete a User"}, "n": {"10"}, "many": {"a", "b"},
	}
	m := lucene.Matcher{Bare: []string{"type", "client_name", "ip"}, Dates: []string{"date"}}
	for q, want := range map[string]bool{
		"":                                 true,
		"type:s":                           true,
		"type:S":                           false,
		"type:f":                           false,
		"unknown:s":                        false,
		"NOT unknown:s":                    true,
		"192.0.2.1":                        true,
		"192.0.2.*":                        true,
		`"My App"`:                         true,
		"my*":                              false,
		"Delete*":                          false,
		"description:Delete*":              true,
		"description:*a*User":              true,
		"description:*user":                false,
		"description:De*ete*ete":           false,
		"type:(f OR s) AND ip:192*":        true,
		"type:s AND NOT ip:192*":           false,
		"+type:s -client_name:Other":       true,
		"many:b":                           true,
		"many:c":                           false,
		"_exists_:many":                    true,
		"_exists_:none":                    false,
		"date:[2026-03-31 TO 2026-03-31]":  true,
		"date:[2026-03 TO *]":              true,
		"date:{2026-03 TO *]":              false,
		"date:[* TO 2026-03-31}":           false,
		"date:2026-03-31":                  true,
		"date:2026-03-30":                  false,
		"date:[x TO *]":                    false,
		"date:[2026-03-31T22:10:00Z TO *]": true,
		"date:>2026-03-30":                 true,
		"n:[9 TO 11]":                      true,
		"n:[9 TO 10}":                      false,
		"n:{10 TO *]":                      false,
		"type:[a TO t]":                    true,
		"type:[a TO s}":                    false,
		"type:{s TO *]":                    false,
		"type:[1 TO 5]":                    false,
	} {
		n, err := lucene.Parse(q)
		if err != nil {
			t.Fatalf("%q: %v", q, err)
		}
		if got := m.Match(n, func(field string) []string { return row[field] }); got != want {
			t.Errorf("%q: got %v, want %v", q, got, want)
		}
	}
}

func TestLike_NeedsAllPiecesInTheirOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value   string
		pattern []string
		want    bool
	}{
		{"aba", []string{"a", "a"}, true}, {"a", []string{"a", "a"}, false}, {"", []string{"", ""}, true},
		{"xabcx", []string{"x", "b", "c", "x"}, true}, {"xcbx", []string{"x", "b", "c", "x"}, false},
	} {
		if got := lucene.Like(c.value, c.pattern); got != c.want {
			t.Errorf("%q like %q: got %v, want %v", c.value, c.pattern, got, c.want)
		}
	}
}

// Whatever strangers send is either refused with a sentence or answered.
func FuzzParse(f *testing.F) {
	for _, q := range []string{
		"a", `email:"x" AND (b OR -c)`, "c:[1 TO *}", `_exists_:a \`, "name:*a*b", "+a !b", "a:(b c:(d))", "c:>=5", `"`, "((", "a:\\", "**:*",
	} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		n, err := lucene.Parse(q)
		if err != nil {
			if apierr.KindOf(err) != apierr.Invalid {
				t.Fatalf("%q: got error %v, want one of kind invalid", q, err)
			}
			return
		}
		lookup := func(string) []string { return []string{"a"} }
		m := lucene.Matcher{Bare: []string{"x"}, Dates: []string{"c"}}
		if got, inverse := m.Match(n, lookup), m.Match(lucene.Not{Node: n}, lookup); got == inverse {
			t.Fatalf("%q: the query and its negation both give %v", q, got)
		}
	})
}

func TestEach_VisitsEveryConditionUntilOneIsRefused(t *testing.T) {
	t.Parallel()
	n, err := lucene.Parse(`a:1 AND (b:2 OR NOT c:3) AND _exists_:d`)
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	refusal := errors.New("no")
	visit := func(n lucene.Node) error {
		switch n := n.(type) {
		case lucene.Term:
			seen = append(seen, n.Field)
			if n.Field == "c" {
				return refusal
			}
		default:
			seen = append(seen, "other")
		}
		return nil
	}
	if err := lucene.Each(n, visit); !errors.Is(err, refusal) || strings.Join(seen, " ") != "a b c" {
		t.Errorf("got %v after %q, want the refusal of c", err, seen)
	}
}
