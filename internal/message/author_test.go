package message

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"latchkey/internal/clock"
	"latchkey/internal/liquid"
	"latchkey/internal/sandbox"
)

// shelves are Templates that hold one template for everything.
type shelves struct{ template *Template }

func (s shelves) Template(context.Context, string, Message) (*Template, error) {
	return s.template, nil
}

// inline are Workers that render in this process, or fail.
type inline struct {
	err  error
	runs int
}

func (i *inline) Run(_ context.Context, e sandbox.Execution, output any) error {
	i.runs++
	if i.err != nil {
		return i.err
	}
	input, err := json.Marshal(e.Input)
	if err != nil {
		return err
	}
	made, err := liquid.Program(input, e.Most)
	if err != nil {
		return err
	}
	*output.(*liquid.Response) = made.(liquid.Response)
	return nil
}

func newAuthorOf(t *Template, w Workers, c clock.Clock) *author {
	return newAuthor(Config{Renderer: &Renderer{}, Templates: shelves{t}, Workers: w, Clock: c, Log: slog.New(slog.DiscardHandler)})
}

func codeMessage() Message {
	return Message{
		Channel: Email, Kind: VerificationCode, To: "ann@example.com", Code: "123456", Life: 3 * time.Minute, Language: "en",
		Application: "Shop", Domain: "login.example.com",
	}
}

func TestAuthor_ATemplateThatUsesUpItsLimitsIsLeftAloneForAWhile(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(time.Now())
	workers := &inline{err: sandbox.ErrDeadline}
	a := newAuthorOf(&Template{Name: "the template x", Body: "{{ code }}", Vars: map[string]any{"code": "123456"}}, workers, c)
	for n, step := range []struct {
		advance time.Duration
		runs    int
	}{
		{0, 1},
		{4 * time.Minute, 2},
		{4 * time.Minute, 3}, // the first is forgotten
		{30 * time.Second, 4},
		{time.Second, 4},
		{9 * time.Minute, 4},
		{time.Minute, 5},
	} {
		c.Advance(step.advance)
		mail, warning := a.Mail(t.Context(), a.renderer, Key{"t", "1"}, codeMessage())
		if workers.runs != step.runs || warning == "" || !strings.Contains(mail.Text, "123456") {
			t.Errorf("mail %d: %d runs, want %d; warning %q", n+1, workers.runs, step.runs, warning)
		}
	}
}

func TestAuthor_KeepsTheBuiltInPartsThatATemplateDoesNotWrite(t *testing.T) {
	t.Parallel()
	m := codeMessage()
	builtin := (&Renderer{}).Mail(Key{"t", "1"}, m)
	a := newAuthorOf(&Template{Name: "the template x", Subject: "Only {{ x }}", Vars: map[string]any{"x": "this"}}, &inline{}, clock.System{})
	got, warning := a.Mail(t.Context(), a.renderer, Key{"t", "1"}, m)
	if got.Subject != "Only this" || got.HTML != builtin.HTML || got.Text != builtin.Text || got.From() != builtin.From() || warning != "" {
		t.Errorf("got subject %q, from %q, warning %q", got.Subject, got.From(), warning)
	}
}

func TestAuthor_TheOperatorsSenderKeepsItsAddressAndTenantsProvidersTakeAnother(t *testing.T) {
	t.Parallel()
	a := newAuthorOf(&Template{Name: "the template x", From: "Shop <hello@shop.example>"}, &inline{}, clock.System{})
	for _, c := range []struct {
		own        bool // the tenant's own provider
		configured string
		want       string
	}{
		{false, "Acme <no-reply@acme.example>", "Shop <no-reply@acme.example>"},
		{false, "", "Shop <hello@shop.example>"},
		{true, "Acme <no-reply@acme.example>", "Shop <hello@shop.example>"},
	} {
		r, err := NewRenderer(c.configured)
		if err != nil {
			t.Fatal(err)
		}
		a.renderer = r
		if c.own {
			a.renderer = &Renderer{}
		}
		if got, _ := a.Mail(t.Context(), r, Key{"t", "1"}, codeMessage()); got.From() != c.want {
			t.Errorf("%+v: got %q", c, got.From())
		}
	}
}

func TestReadSender_TakesMailboxesOnly(t *testing.T) {
	t.Parallel()
	for from, want := range map[string][2]string{
		"a@b.example":                       {"", "a@b.example"},
		"Shop <a@b.example>":                {"Shop", "a@b.example"},
		"Shop, Inc. <a@b.example>":          {"Shop, Inc.", "a@b.example"},
		`"Shop" <a@b.example>`:              {"Shop", "a@b.example"},
		"nobody":                            {},
		"<a@b.example":                      {},
		"Shop <>":                           {},
		"a@b.example\nBcc: c@d.example":     {},
		"a@b.example, c@d.example":          {},
		"Shop\u202e <a@b.example>":          {"Shop", "a@b.example"},
		"x <a@b.example> y <c@d.example> z": {},
	} {
		name, address, ok := readSender(from)
		if ok != (want[1] != "") || name != want[0] || address != want[1] {
			t.Errorf("%q: got %q, %q, %v; want %q", from, name, address, ok, want)
		}
	}
}

func TestPlainText_IsWhatAPersonWouldRead(t *testing.T) {
	t.Parallel()
	const body = `<html><head><title>T</title><style>p { color: red }</style></head><body><p>Your  code
is <b>123</b>.</p><div>Press <a href="https://a.example/?x=1&amp;y=2">here</a> now</div><script>x()</script><br><br><br>A &amp; B</body></html>`
	const want = "Your code is 123.\n\nPress here\nhttps://a.example/?x=1&y=2\nnow\n\nA & B\n"
	if got := plainText(body); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
