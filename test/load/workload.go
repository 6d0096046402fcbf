package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/test/load/driver"
)

// Names of the workloads.
const (
	returning = "returning" // whole login of a user who has logged in before
	newcomer  = "new"       // whole login of an address never seen before
	refresh   = "refresh"   // refresh token exchange with rotation
	userinfo  = "userinfo"  // GET /userinfo
	jwks      = "jwks"      // GET /.well-known/jwks.json
)

// workloads in the order in which they run: the two that are compared stand next to each other.
var workloads = []string{returning, newcomer, refresh, userinfo, jwks}

// lap is one operation's times.
type lap struct {
	whole time.Duration
	// Parts of a login: the answer to start, the way of the mail, the answer to the exchange.
	start, mail, exchange time.Duration
}

// crew performs operations for one target with a fixed number of clients. Each client has addresses and refresh
// tokens of its own: only the newest code of an address is good, so two clients must not share one.
type crew struct {
	client *driver.Client
	codes  driver.Codes
	run    string // makes addresses of this run unlike those of any other
	people [][]*person

	newcomers atomic.Int64
	logins    atomic.Int64 // whole logins so far, measured or not
}

// person is a user who has logged in.
type person struct {
	email  string
	tokens driver.Tokens
}

// newCrew logs in perClient users for each of clients.
func newCrew(ctx context.Context, client *driver.Client, codes driver.Codes, clients, perClient int) (*crew, error) {
	c := &crew{
		client: client, codes: codes, run: fmt.Sprintf("%x", time.Now().UnixNano()),
		people: make([][]*person, clients),
	}
	var wg sync.WaitGroup
	failures := make([]error, clients)
	for i := range clients {
		wg.Go(func() {
			for j := range perClient {
				p := &person{email: fmt.Sprintf("load-%s-%d-%d@example.com", c.run, i, j)}
				tokens, err := driver.Login(ctx, client, codes, p.email)
				if err != nil {
					failures[i] = err
					return
				}
				if tokens.IDToken == "" || tokens.RefreshToken == "" {
					failures[i] = fmt.Errorf("a login for %q yields no ID token or no refresh token", driver.Scope)
					return
				}
				p.tokens = tokens
				c.logins.Add(1)
				c.people[i] = append(c.people[i], p)
			}
		})
	}
	wg.Wait()
	for _, err := range failures {
		if err != nil {
			return nil, fmt.Errorf("log in the users to measure with: %w", err)
		}
	}
	return c, nil
}

// perform runs the turn-th operation of one client.
func (c *crew) perform(ctx context.Context, workload string, client, turn int) (lap, error) {
	mine := c.people[client]
	p := mine[turn%len(mine)]
	began := time.Now()
	switch workload {
	case returning:
		return c.login(ctx, p.email, func(t driver.Tokens) { p.tokens = t })
	case newcomer:
		email := fmt.Sprintf("new-%s-%d@example.com", c.run, c.newcomers.Add(1))
		return c.login(ctx, email, func(driver.Tokens) {})
	case refresh:
		t, err := c.client.Refresh(ctx, p.tokens.RefreshToken)
		took := time.Since(began)
		if err != nil {
			return lap{}, err
		}
		if t.RefreshToken == "" || t.RefreshToken == p.tokens.RefreshToken {
			return lap{}, fmt.Errorf("the refresh token was not rotated: choose a client that rotates")
		}
		p.tokens = t
		return lap{whole: took}, nil
	case userinfo:
		_, err := c.client.UserInfo(ctx, p.tokens.AccessToken)
		return lap{whole: time.Since(began)}, err
	case jwks:
		_, err := c.client.JWKS(ctx)
		return lap{whole: time.Since(began)}, err
	}
	return lap{}, fmt.Errorf("no workload %q", workload)
}

func (c *crew) login(ctx context.Context, email string, done func(driver.Tokens)) (lap, error) {
	if err := c.codes.Forget(ctx, email); err != nil {
		return lap{}, err
	}
	began := time.Now()
	if err := c.client.Start(ctx, email); err != nil {
		return lap{}, fmt.Errorf("start: %w", err)
	}
	started := time.Now()
	code, err := c.codes.Code(ctx, email)
	if err != nil {
		return lap{}, fmt.Errorf("mail: %w", err)
	}
	read := time.Now()
	tokens, err := c.client.Redeem(ctx, email, code)
	if err != nil {
		return lap{}, fmt.Errorf("exchange: %w", err)
	}
	ended := time.Now()
	if tokens.IDToken == "" {
		return lap{}, fmt.Errorf("exchange: no ID token")
	}
	c.logins.Add(1)
	done(tokens)
	return lap{
		whole: ended.Sub(began), start: started.Sub(began), mail: read.Sub(started), exchange: ended.Sub(read),
	}, nil
}
