package main

import (
	"math"
	"slices"
	"time"
)

// comparison says how far two samples of times are apart.
type comparison struct {
	// Shift is the difference of the medians, b minus a.
	Shift time.Duration
	// Superiority is the probability that a time drawn from b is longer than one drawn from a, ties counted half: 0.5
	// means that one answer tells a stranger nothing (the effect size of the Mann-Whitney test).
	Superiority float64
	// MannWhitney is the two-sided p-value of the Mann-Whitney test, by its normal approximation with ties corrected.
	MannWhitney float64
	// Distance is the largest difference of the two distribution functions (Kolmogorov-Smirnov), Smirnov its p-value.
	Distance, Smirnov float64
}

// verdict is the judgement in words: noise, or a difference too small to use.
func (c comparison) verdict() string {
	switch {
	case c.MannWhitney > 0.01 && c.Smirnov > 0.01:
		return "no difference found"
	case math.Abs(c.Superiority-0.5) < 0.05 && c.Distance < 0.1:
		return "a difference too small to see in one answer"
	}
	return "DIFFERENT"
}

// compare needs at least one time on each side.
func compare(a, b []time.Duration) comparison {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	c := comparison{Shift: quantile(b, 0.5) - quantile(a, 0.5)}
	c.Superiority, c.MannWhitney = mannWhitney(a, b)
	c.Distance, c.Smirnov = kolmogorovSmirnov(a, b)
	return c
}

// mannWhitney works on sorted samples.
func mannWhitney(a, b []time.Duration) (superiority, p float64) {
	n, m := float64(len(a)), float64(len(b))
	var wins, ties float64 // of b over a; ties is the sum of t³-t over groups of equal values
	for i, j := 0, 0; i < len(a) || j < len(b); {
		least := time.Duration(math.MaxInt64)
		if i < len(a) {
			least = a[i]
		}
		if j < len(b) {
			least = min(least, b[j])
		}
		before := float64(i)
		sameA, sameB := 0.0, 0.0
		for ; i < len(a) && a[i] == least; i++ {
			sameA++
		}
		for ; j < len(b) && b[j] == least; j++ {
			sameB++
		}
		wins += sameB * (before + sameA/2)
		t := sameA + sameB
		ties += t*t*t - t
	}
	superiority = wins / (n * m)
	all := n + m
	variance := n * m / 12 * (all + 1 - ties/(all*(all-1)))
	if variance <= 0 || math.IsNaN(variance) { // every value is the same
		return superiority, 1
	}
	z := (math.Abs(wins-n*m/2) - 0.5) / math.Sqrt(variance)
	return superiority, min(1, math.Erfc(max(z, 0)/math.Sqrt2))
}

// kolmogorovSmirnov works on sorted samples; the p-value is the asymptotic one, good from some tens of values on.
func kolmogorovSmirnov(a, b []time.Duration) (distance, p float64) {
	n, m := float64(len(a)), float64(len(b))
	for i, j := 0, 0; i < len(a) && j < len(b); {
		least := min(a[i], b[j])
		for i < len(a) && a[i] == least {
			i++
		}
		for j < len(b) && b[j] == least {
			j++
		}
		distance = max(distance, math.Abs(float64(i)/n-float64(j)/m))
	}
	root := math.Sqrt(n * m / (n + m))
	lambda := (root + 0.12 + 0.11/root) * distance
	if lambda < 0.2 { // the series does not converge there, and p is 1 to many digits
		return distance, 1
	}
	sum, sign := 0.0, 1.0
	for k := 1.0; k <= 100; k++ {
		sum += sign * math.Exp(-2*k*k*lambda*lambda)
		sign = -sign
	}
	return distance, max(0, min(1, 2*sum))
}

// quantile interpolates between the sorted values.
func quantile(sorted []time.Duration, q float64) time.Duration {
	at := q * float64(len(sorted)-1)
	below := int(at)
	above := min(below+1, len(sorted)-1)
	return sorted[below] + time.Duration((at-float64(below))*float64(sorted[above]-sorted[below]))
}
