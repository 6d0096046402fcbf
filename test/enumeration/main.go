// Command enumeration asks whether a stranger can tell from the time of an answer if somebody has an account.
//
//	latchkey dev --no-tls --listen localhost:8080 --data /tmp/d
//	go run ./test/enumeration --dev-json /tmp/d/dev.json
//
// It sends the same requests for known, unknown, blocked and sign-up-disabled addresses to a running server, one after
// the other in random order on one connection, and compares the times of each kind with those of known addresses: by
// the Mann-Whitney and Kolmogorov-Smirnov tests, with medians and effect sizes. A second set of known addresses is the
// control: what it shows is noise. Clocks of shared machines fail tests at random, so this reports and a person reads.
package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"latchkey/test/load/driver"
)

// Doors that take an address from a stranger.
const (
	doorStart      = "start"
	doorWrongCode  = "wrong-code"
	doorIdentifier = "identifier"
)

type cli struct {
	DevJSON    string        `name:"dev-json" required:"" type:"existingfile" help:"dev.json of a running development server on plain HTTP."`
	Client     string        `default:"native" enum:"native,web" help:"Which sample client to be."`
	SMTPListen string        `name:"smtp-listen" help:"Read codes from a mail server of our own here (the server's --smtp) instead of from the inbox."`
	Door       []string      `default:"start,wrong-code,identifier" enum:"start,wrong-code,identifier" help:"What to compare: POST /passwordless/start, the exchange of a wrong code, the identifier page."`
	Samples    int           `default:"600" help:"Requests for each kind of address and door."`
	Blocked    []string      `help:"Addresses of blocked users (comma-separated, or @FILE with one a line). Each takes at most ${guesses} wrong codes a run."`
	NoSignup   string        `name:"no-signup" help:"An e-mail connection with sign-up disabled and silent, to compare unknown addresses on."`
	Pause      time.Duration `default:"3ms" help:"Rest between requests, so that the mail of one does not delay the next."`
}

// guesses is how many wrong codes one address may take: ten in a row shut it for a while, which is not what is
// compared here.
const guesses = 6

// kind is one group of addresses.
type kind struct {
	name      string
	client    *driver.Client
	browser   driver.Target
	addresses []string
	// fresh gives an address that nobody has ever asked for, in place of addresses that are used again and again.
	fresh func() string
}

// address gives the address of a turn; false when the kind has no more for this door.
func (k kind) address(door string, turn int) (string, bool) {
	switch {
	case k.fresh != nil:
		return k.fresh(), true
	case door == doorWrongCode && turn >= guesses*len(k.addresses):
		return "", false
	}
	return k.addresses[turn%len(k.addresses)], true
}

func main() {
	var c cli
	k := kong.Parse(&c, kong.Name("enumeration"), kong.UsageOnError(), kong.Vars{"guesses": fmt.Sprint(guesses)},
		kong.Description("Compare the times of a Latchkey server's answers for known, unknown, blocked and sign-up-disabled "+
			"addresses. Blocked users and a connection without sign-up are named by flags; the rest is made here."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	k.FatalIfErrorf(c.run(ctx))
}

func (c *cli) run(ctx context.Context) error {
	dev, err := driver.ReadDevJSON(c.DevJSON)
	if err != nil {
		return err
	}
	codes, closeCodes, err := c.codes(dev)
	if err != nil {
		return err
	}
	defer closeCodes()
	kinds, err := c.kinds(ctx, dev, codes)
	if err != nil {
		return err
	}
	for _, door := range c.Door {
		times, answers, err := c.sample(ctx, door, kinds)
		if err != nil {
			return fmt.Errorf("%s: %w", door, err)
		}
		if err := printDoor(door, kinds, times, answers); err != nil {
			return err
		}
	}
	return nil
}

func (c *cli) codes(dev driver.DevJSON) (driver.Codes, func(), error) {
	if c.SMTPListen == "" {
		inbox, err := driver.NewInbox(dev.InboxURL)
		return inbox, func() {}, err
	}
	sink, err := driver.ListenSink(c.SMTPListen)
	if err != nil {
		return nil, nil, err
	}
	return sink, func() { _ = sink.Close() }, nil
}

// kinds makes the groups: known addresses log in once, unknown ones never do.
func (c *cli) kinds(ctx context.Context, dev driver.DevJSON, codes driver.Codes) ([]kind, error) {
	t, err := dev.Target(c.Client)
	if err != nil {
		return nil, err
	}
	client, err := driver.NewClient(t, "")
	if err != nil {
		return nil, err
	}
	run := time.Now().UnixNano()
	names := func(name string) []string {
		all := make([]string, (c.Samples+guesses-1)/guesses)
		for i := range all {
			all[i] = fmt.Sprintf("%s-%x-%04d@example.com", name, run, i)
		}
		return all
	}
	used := 0
	// Names of one length, so that only the account makes a difference.
	kinds := []kind{
		{name: "known", client: client, browser: t, addresses: names("aaaaaaa")},
		{name: "known (control)", client: client, browser: t, addresses: names("bbbbbbb")},
		{name: "unknown", client: client, browser: t, addresses: names("ccccccc")},
		{name: "unknown, never asked for", client: client, browser: t, fresh: func() string {
			used++
			return fmt.Sprintf("eeeeeee-%x-%04d@example.com", run, used)
		}},
	}
	for _, k := range kinds[:2] {
		for _, address := range k.addresses {
			if _, err := driver.Login(ctx, client, codes, address); err != nil {
				return nil, fmt.Errorf("make %s known: %w", address, err)
			}
		}
	}
	if len(c.Blocked) > 0 {
		addresses, err := readAddresses(c.Blocked)
		if err != nil {
			return nil, err
		}
		kinds = append(kinds, kind{name: "blocked", client: client, browser: t, addresses: addresses})
	}
	if c.NoSignup != "" {
		t.Connection = c.NoSignup
		client, err := driver.NewClient(t, "")
		if err != nil {
			return nil, err
		}
		kinds = append(kinds, kind{name: "no sign-up", client: client, browser: t, addresses: names("ddddddd")})
	}
	return kinds, nil
}

// readAddresses takes addresses, and files of addresses marked with @.
func readAddresses(values []string) ([]string, error) {
	var all []string
	for _, value := range values {
		file, isFile := strings.CutPrefix(value, "@")
		if !isFile {
			all = append(all, value)
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		all = append(all, strings.Fields(string(text))...)
	}
	if len(all) == 0 {
		return nil, errors.New("no blocked address is named")
	}
	return all, nil
}

// sample goes through the kinds in random order again and again, and keeps the times and the answers of each.
func (c *cli) sample(ctx context.Context, door string, kinds []kind) (map[string][]time.Duration, map[string]map[string]int, error) {
	times := map[string][]time.Duration{}
	answers := map[string]map[string]int{}
	const warmup = 5
	for turn := range c.Samples + warmup {
		order := rand.Perm(len(kinds))
		for _, i := range order {
			k := kinds[i]
			address, ok := k.address(door, turn)
			if !ok {
				continue
			}
			took, answer, err := k.ask(ctx, door, address, c.Pause)
			if err != nil {
				return nil, nil, err
			}
			time.Sleep(c.Pause)
			if answers[k.name] == nil {
				answers[k.name] = map[string]int{}
			}
			answers[k.name][answer]++
			if turn >= warmup {
				times[k.name] = append(times[k.name], took)
			}
		}
	}
	return times, answers, nil
}

// ask sends one request and gives its time and the answer in words.
func (k kind) ask(ctx context.Context, door, address string, pause time.Duration) (time.Duration, string, error) {
	switch door {
	case doorStart:
		began := time.Now()
		err := k.client.Start(ctx, address)
		return time.Since(began), inWords(err), onlyRefusals(err)
	case doorWrongCode:
		if err := k.client.Start(ctx, address); onlyRefusals(err) != nil {
			return 0, "", err
		}
		time.Sleep(pause)
		began := time.Now()
		_, err := k.client.Redeem(ctx, address, "000000")
		return time.Since(began), inWords(err), onlyRefusals(err)
	case doorIdentifier:
		return k.identify(ctx, address)
	}
	return 0, "", fmt.Errorf("no door %q", door)
}

// identify opens a login and sends the identifier page.
func (k kind) identify(ctx context.Context, address string) (time.Duration, string, error) {
	b, err := driver.NewBrowser(k.browser, "")
	if err != nil {
		return 0, "", err
	}
	defer b.Close()
	page, _, err := b.Begin(ctx)
	if err != nil {
		return 0, "", err
	}
	req, err := page.Form(ctx, "username", address)
	if err != nil {
		return 0, "", err
	}
	began := time.Now()
	answer, err := b.Send(req)
	if err != nil {
		return 0, "", err
	}
	return time.Since(began), fmt.Sprint(answer.Status), nil
}

func inWords(err error) string {
	if err == nil {
		return "200"
	}
	return err.Error()
}

// onlyRefusals keeps errors that are not answers.
func onlyRefusals(err error) error {
	if driver.Refused(err) {
		return nil
	}
	return err
}

func printDoor(door string, kinds []kind, times map[string][]time.Duration, answers map[string]map[string]int) error {
	fmt.Printf("%s\n", door)
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  kind\tn\tmedian\tp90\tshift\tP(longer)\tMann-Whitney p\tKS D\tKS p\t\tanswers")
	reference := times[kinds[0].name]
	for i, k := range kinds {
		mine := times[k.name]
		if len(mine) == 0 {
			continue
		}
		sorted := slices.Sorted(slices.Values(mine))
		fmt.Fprintf(t, "  %s\t%d\t%v\t%v\t", k.name, len(mine), round(quantile(sorted, 0.5)), round(quantile(sorted, 0.9)))
		if i == 0 {
			fmt.Fprintf(t, "\t\t\t\t\tcompared with the rest\t%v\n", answers[k.name])
			continue
		}
		c := compare(reference, mine)
		fmt.Fprintf(t, "%v\t%.3f\t%.3g\t%.3f\t%.3g\t%s\t%v\n", round(c.Shift), c.Superiority, c.MannWhitney, c.Distance,
			c.Smirnov, c.verdict(), answers[k.name])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Println()
	return nil
}

func round(d time.Duration) time.Duration { return d.Round(time.Microsecond) }
