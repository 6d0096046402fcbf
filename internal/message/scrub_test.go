package message

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

// Refusals that repeat what they were shown once brought tokens and passwords in base64 into the operator's log.
func TestScrubbed_ASecretIsFoundInBase64WhateverSurroundsIt(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"p@ss", "p@ss/word", "p@ss/words", "p@ss/words!", "ya29.a0AfH6SMBx"} {
		for _, shown := range []string{
			secret, base64.StdEncoding.EncodeToString([]byte(secret)),
			base64.StdEncoding.EncodeToString([]byte("\x00user\x00" + secret)), base64.StdEncoding.EncodeToString([]byte("\x00us\x00" + secret)),
			base64.StdEncoding.EncodeToString([]byte("api:" + secret)),
			base64.StdEncoding.EncodeToString([]byte("user=ada\x01auth=Bearer " + secret + "\x01\x01")),
		} {
			got := scrubbed(Result{Detail: "535 refused: " + shown, Told: shown}, forms(secret))
			for _, text := range []string{got.Detail, got.Told} {
				if !strings.Contains(text, "[secret]") || len(text) > len("535 refused: ")+len(shown)-len(secret)+len("[secret]") {
					t.Errorf("%q shown as %q is told as %q", secret, shown, text)
				}
			}
		}
	}
	if got := scrubbed(Result{Detail: "535 no such user"}, forms("use")); got.Detail != "535 no such user" {
		t.Errorf("a short secret changed the words: %q", got.Detail)
	}
	if slices.Contains(forms("p@ss"), "") {
		t.Error("nothing is a form of a secret")
	}
}
