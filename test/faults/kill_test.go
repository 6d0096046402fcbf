package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"latchkey/test/load/driver"
)

// workers log people in and refresh their tokens while nodes die.
const workers = 6

func TestKill_LosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, c *cluster) {
		for round := range 2 {
			killRound(t, c, round)
		}
	})
}

func TestSoak_KillLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	d := soak(t)
	onEach(t, func(t *testing.T, c *cluster) {
		rounds := 0
		for end := time.Now().Add(d); time.Now().Before(end) && !t.Failed(); rounds++ {
			killRound(t, c, rounds)
		}
		t.Logf("%d kills", rounds)
	})
}

// witness remembers what the server has acknowledged to one person.
type witness struct {
	email, sub string
	code       string   // spent
	token      string   // the newest refresh token
	used       []string // replaced refresh tokens, oldest first
	// open is the request whose answer was lost, if any: what it was about may or may not have happened.
	open string
}

// killRound makes load, kills a node, checks every acknowledged fact on what is left, starts the node again, and checks
// once more.
func killRound(t *testing.T, c *cluster, round int) {
	t.Helper()
	load, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	people := make([][]*witness, workers)
	for i := range workers {
		wg.Go(func() { people[i] = work(load, t, c, i) })
	}
	time.Sleep(200*time.Millisecond + time.Duration(rand.IntN(800))*time.Millisecond)
	victim := c.members[round%len(c.members)]
	if err := victim.node.Kill(); err != nil {
		t.Fatal(err)
	}
	if len(c.members) > 1 { // the others go on meanwhile
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
	}
	stop()
	wg.Wait()
	var all []*witness
	for _, some := range people {
		all = append(all, some...)
	}
	if len(all) < workers {
		t.Fatalf("only %d people have logged in: too little to lose", len(all))
	}
	half := all
	if len(c.members) > 1 {
		half = all[len(all)/2:]
		survivor := c.members[(round+1)%len(c.members)].client
		for i, w := range all[:len(all)/2] {
			w.testify(t, c, func(int) *driver.Client { return survivor }, i)
		}
	}
	victim.start(t)
	for i, w := range half {
		w.testify(t, c, c.each, i)
	}
	t.Logf("round %d: checked what %d people were told", round, len(all))
}

// work logs people in and refreshes their tokens until the context ends, on any node that lives.
func work(ctx context.Context, t *testing.T, c *cluster, worker int) []*witness {
	var people []*witness
	for turn := 0; ctx.Err() == nil; turn++ {
		client := c.each(worker + turn)
		if len(people) == 0 || turn%3 == 0 {
			if w := enter(ctx, t, c, client); w != nil {
				people = append(people, w)
			}
			continue
		}
		if w := people[rand.IntN(len(people))]; w.open == "" {
			w.refresh(t, client)
		}
	}
	return people
}

// enter logs a new person in. It gives nil when nothing was acknowledged that can be checked later.
func enter(ctx context.Context, t *testing.T, c *cluster, client *driver.Client) *witness {
	w := &witness{email: c.stranger()}
	start, cancel := patient(context.WithoutCancel(ctx))
	defer cancel()
	if err := client.Start(start, w.email); err != nil {
		if driver.Refused(err) {
			t.Errorf("start for %s: %v", w.email, err)
		}
		return nil
	}
	mail, cancel := context.WithTimeout(ctx, 5*time.Second) // a dead node's mail may come later or never
	defer cancel()
	code, err := c.sink.Code(mail, w.email)
	if err != nil {
		return nil
	}
	w.code = code
	redeem, cancel := patient(context.WithoutCancel(ctx))
	defer cancel()
	tokens, err := client.Redeem(redeem, w.email, code)
	if err != nil {
		if driver.Refused(err) {
			t.Errorf("redeem the code of %s: %v", w.email, err)
			return nil
		}
		w.open = "redeem"
		return w
	}
	if w.sub, err = subjectOf(tokens); err != nil {
		t.Errorf("login of %s: %v", w.email, err)
		return nil
	}
	w.token = tokens.RefreshToken
	return w
}

// refresh rotates the person's token.
func (w *witness) refresh(t *testing.T, client *driver.Client) {
	ctx, cancel := patient(context.Background())
	defer cancel()
	tokens, err := client.Refresh(ctx, w.token)
	switch outcomeOf(err) {
	case accepted:
		w.used = append(w.used, w.token)
		w.token = tokens.RefreshToken
	case refused:
		t.Errorf("the newest refresh token of %s: %v", w.email, err)
		w.open = "refresh"
	case unknown:
		w.open = "refresh"
	}
}

// testify checks everything that the server has told this person. The node for each question is chosen by at.
func (w *witness) testify(t *testing.T, c *cluster, at func(int) *driver.Client, i int) {
	t.Helper()
	ctx := t.Context()
	if w.open == "redeem" {
		// Once at most, whether the lost answer was a yes or not.
		_, first := at(i).Redeem(ctx, w.email, w.code)
		if outcomeOf(first) == unknown {
			t.Errorf("redeem after a lost answer: %v", first)
		}
		if _, err := at(i+1).Redeem(ctx, w.email, w.code); outcomeOf(err) != refused {
			t.Errorf("redeem a code again after a lost answer: got %v, want a refusal", err)
		}
		return
	}
	if _, err := at(i).Redeem(ctx, w.email, w.code); outcomeOf(err) != refused {
		t.Errorf("the code of %s, spent before the kill: got %v, want a refusal", w.email, err)
	}
	if w.open == "refresh" {
		if _, err := at(i).Refresh(ctx, w.token); outcomeOf(err) == unknown {
			t.Errorf("refresh after a lost answer: %v", err)
		}
	} else if err := w.expectRefresh(ctx, at(i+1)); err != nil {
		t.Errorf("%s: %v", w.email, err)
	}
	if i%4 == 0 {
		w.expectSameUser(t, c, at(i+2))
	}
	if len(w.used) > 0 { // last, since it ends the family
		if _, err := at(i).Refresh(ctx, w.used[rand.IntN(len(w.used))]); outcomeOf(err) != refused {
			t.Errorf("a refresh token of %s, replaced before the kill: got %v, want a refusal", w.email, err)
		}
		if _, err := at(i+1).Refresh(ctx, w.token); outcomeOf(err) != refused {
			t.Errorf("the newest refresh token of %s after a reuse: got %v, want a refusal", w.email, err)
		}
	}
}

// expectRefresh uses the newest token, which must work and name the same user, and then asks who the access token is for.
func (w *witness) expectRefresh(ctx context.Context, client *driver.Client) error {
	tokens, err := client.Refresh(ctx, w.token)
	if err != nil {
		return fmt.Errorf("the newest refresh token, acknowledged before the kill: %w", err)
	}
	w.used, w.token = append(w.used, w.token), tokens.RefreshToken
	sub, err := subjectOf(tokens)
	if err != nil || sub != w.sub {
		return fmt.Errorf("after the kill the refresh token is for %q (%v), before it was for %q", sub, err, w.sub)
	}
	if sub, err = client.UserInfo(ctx, tokens.AccessToken); err != nil || sub != w.sub {
		return fmt.Errorf("after the kill the access token is for %q (%v), want %q", sub, err, w.sub)
	}
	return nil
}

// expectSameUser logs the person in again.
func (w *witness) expectSameUser(t *testing.T, c *cluster, client *driver.Client) {
	t.Helper()
	tokens, err := driver.Login(t.Context(), client, c.sink, w.email)
	if err != nil {
		t.Errorf("log %s in again: %v", w.email, err)
		return
	}
	if sub, err := subjectOf(tokens); err != nil || sub != w.sub {
		t.Errorf("%s was %q before the kill and is %q (%v) after it", w.email, w.sub, sub, err)
	}
}
