package locale

import "testing"

func TestOfMessage_AsksTheRequestThenTheReaderThenTheTenant(t *testing.T) {
	t.Parallel()
	all := []string{"fr", "en", "de", "ja"}
	for _, c := range []struct {
		enabled    []string
		asked, own string
		want       string
	}{
		{all, "de-AT, en;q=0.5", "ja", "de"},
		{all, "sv, ja;q=0.5", "de", "ja"},
		{all, "sv", "de-CH", "de"},
		{all, "*", "de", "de"},
		{all, "", "", "fr"},
		{all, "sv", "fi", "fr"},
		{all, "\xff;;,q=", "\x00", "fr"},
		{[]string{"en"}, "de", "ja", "de"},
		{[]string{"tlh", "de-DE"}, "sv", "", "de"},
		{[]string{"tlh"}, "", "", "en"},
		{nil, "", "", "en"},
	} {
		if got := OfMessage(c.enabled, c.asked, c.own); got != c.want {
			t.Errorf("enabled %v, asked %q, own %q: got %s, want %s", c.enabled, c.asked, c.own, got, c.want)
		}
	}
}
