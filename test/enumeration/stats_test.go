package main

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func normal(r *rand.Rand, n int, mean, deviation float64) []time.Duration {
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = time.Duration((mean + deviation*r.NormFloat64()) * float64(time.Microsecond))
	}
	return out
}

func TestCompare_KnownValues(t *testing.T) {
	t.Parallel()
	// By hand: U is 23 where 12.5 is expected, the variance with two pairs tied is 25/12*(11-12/90), so z is 2.1017.
	c := compare([]time.Duration{1, 2, 3, 4, 5}, []time.Duration{4, 5, 6, 7, 8})
	if got, want := c.Superiority, 23.0/25; math.Abs(got-want) > 1e-9 {
		t.Errorf("superiority: got %f, want %f", got, want)
	}
	if got, want := c.MannWhitney, 0.03558; math.Abs(got-want) > 1e-4 {
		t.Errorf("Mann-Whitney p: got %f, want %f", got, want)
	}
	if got, want := c.Distance, 0.6; math.Abs(got-want) > 1e-9 {
		t.Errorf("Kolmogorov-Smirnov distance: got %f, want %f", got, want)
	}
	if c.Shift != 3 {
		t.Errorf("shift of medians: got %d, want 3", c.Shift)
	}
}

func TestCompare_TellsShiftedAndWiderFromEqual(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	reference := normal(r, 800, 1000, 50)
	for name, tt := range map[string]struct {
		times []time.Duration
		want  string
	}{
		"the same distribution": {normal(r, 800, 1000, 50), "no difference found"},
		"the same values":       {reference, "no difference found"},
		"one deviation later":   {normal(r, 800, 1050, 50), "DIFFERENT"},
		"as late but wider":     {normal(r, 800, 1000, 150), "DIFFERENT"},
	} {
		if c := compare(reference, tt.times); c.verdict() != tt.want {
			t.Errorf("%s: got %q (%+v), want %q", name, c.verdict(), c, tt.want)
		}
	}
}

func TestCompare_EqualConstantsAreAlike(t *testing.T) {
	t.Parallel()
	c := compare([]time.Duration{5, 5, 5}, []time.Duration{5, 5})
	if c.Superiority != 0.5 || c.MannWhitney != 1 || c.Distance != 0 || c.Smirnov != 1 {
		t.Errorf("got %+v, want no difference", c)
	}
}
