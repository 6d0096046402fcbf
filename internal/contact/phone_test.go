package contact

import "testing"

func TestPhone_GivesE164(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typed, region, want string }{
		{"+1 (202) 555-0123", "", "+12025550123"},
		{"202 555 0123", "us", "+12025550123"},
		{"030 1234567", "DE", "+49301234567"},
		{"0049 30 1234567", "", "+49301234567"},
		{"+15551234567", "", "+15551234567"},
		{"٠٣٠ ١٢٣٤٥٦٧", "DE", "+49301234567"},
	} {
		if got, err := Phone(c.typed, c.region); err != nil || got != c.want {
			t.Errorf("%q in %q: got %q, %v, want %q", c.typed, c.region, got, err, c.want)
		}
	}
	for _, c := range []struct{ typed, region string }{
		{"", "US"}, {"+", ""}, {"2025550123", ""}, {"+1", ""}, {"+123456789012345678", ""}, {"a@example.com", "US"}, {"1-800-FLOWERS", "US"},
		{"+1 202 555 0123;ext=5", ""}, {"+999123", ""}, {"12", "DE"}, {"+1202555012３\x00", ""},
	} {
		if got, err := Phone(c.typed, c.region); err == nil {
			t.Errorf("%q in %q: got %q, want a refusal", c.typed, c.region, got)
		}
	}
}

func TestLineOf_TellsNumbersThatCostMore(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]Line{
		"+12025550123":   {Region: "US", Known: true},
		"+4915123456789": {Region: "DE", Known: true},
		"+449098790000":  {Region: "GB", Known: true, Billed: true},
		"+447012345678":  {Region: "GB", Known: true, Billed: true},
		"+447400123456":  {Region: "GB", Known: true},
		"+881612345678":  {Known: true, Billed: true},
	} {
		if got := LineOf(number); got != want {
			t.Errorf("%s: got %+v, want %+v", number, got, want)
		}
	}
}

func TestShowPhone_LeavesDigitsNearTheEndOut(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]string{
		"+5491161234562":   "+54 9 11 61**-**62",
		"+12025550123":     "+1 202-5**-**23",
		"+4915123456789":   "+49 1512 3****89",
		"+2901234":         "+290 **34",
		"no number at all": "XXXXXXXXXXX all",
	} {
		if got := ShowPhone(number); got != want {
			t.Errorf("%s: got %q, want %q", number, got, want)
		}
	}
}
