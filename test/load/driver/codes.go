package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Codes is where the codes that a server sends can be read.
type Codes interface {
	// Forget drops what has arrived for the address, so that Code waits for the next message. Call it before asking
	// the server for a code.
	Forget(ctx context.Context, address string) error
	// Code waits for a message to the address and gives its code.
	Code(ctx context.Context, address string) (string, error)
}

// Login performs a whole login: it asks for a code, reads it, and exchanges it.
func Login(ctx context.Context, c *Client, codes Codes, email string) (Tokens, error) {
	code, err := RequestCode(ctx, c, codes, email)
	if err != nil {
		return Tokens{}, err
	}
	t, err := c.Redeem(ctx, email, code)
	if err != nil {
		return t, fmt.Errorf("exchange the code: %w", err)
	}
	return t, nil
}

// RequestCode asks for a code and reads it.
func RequestCode(ctx context.Context, c *Client, codes Codes, email string) (string, error) {
	if err := codes.Forget(ctx, email); err != nil {
		return "", err
	}
	if err := c.Start(ctx, email); err != nil {
		return "", fmt.Errorf("ask for a code: %w", err)
	}
	code, err := codes.Code(ctx, email)
	if err != nil {
		return "", fmt.Errorf("read the code: %w", err)
	}
	return code, nil
}

// Inbox reads codes from the development server's inbox.
type Inbox struct {
	base string
	http *http.Client
	seen map[string]string
}

// NewInbox makes a reader of the inbox at inboxURL. It is for one goroutine.
func NewInbox(inboxURL string) (*Inbox, error) {
	transport, err := NewTransport(inboxURL, "", "")
	if err != nil {
		return nil, err
	}
	return &Inbox{
		base: strings.TrimSuffix(inboxURL, "/"),
		http: &http.Client{Transport: transport, Timeout: time.Minute},
		seen: map[string]string{},
	}, nil
}

// Forget implements Codes: it remembers the newest message there is.
func (b *Inbox) Forget(ctx context.Context, address string) error {
	id, _, err := b.newest(ctx, address, 0)
	b.seen[address] = id
	return err
}

// Code implements Codes.
func (b *Inbox) Code(ctx context.Context, address string) (string, error) {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		id, code, err := b.newest(ctx, address, 1)
		if err != nil {
			return "", err
		}
		if id != b.seen[address] && code != "" {
			return code, nil
		}
	}
	return "", fmt.Errorf("no message for %s arrived", address)
}

func (b *Inbox) newest(ctx context.Context, address string, wait int) (id, code string, err error) {
	query := url.Values{"to": {address}, "wait": {strconv.Itoa(wait)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base+"/messages?"+query.Encode(), nil)
	if err != nil {
		return "", "", err
	}
	res, err := b.http.Do(req)
	if err != nil {
		return "", "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return "", "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", "", fmt.Errorf("the inbox answers %d", res.StatusCode)
	}
	var messages []struct {
		ID   string `json:"id"`
		Code string `json:"code"`
	}
	if err := json.Unmarshal(text, &messages); err != nil {
		return "", "", err
	}
	if len(messages) == 0 {
		return "", "", nil
	}
	return messages[0].ID, messages[0].Code, nil
}
