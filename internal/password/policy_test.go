package password_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"latchkey/internal/connection"
	"latchkey/internal/password"
	"latchkey/internal/user"
)

func options(t *testing.T, document string) *connection.DatabaseOptions {
	t.Helper()
	var o connection.DatabaseOptions
	if err := json.Unmarshal([]byte(document), &o); err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	return &o
}

var ada = &user.User{
	Name: "Ada Lovelace", Email: "countess@example.com", Nickname: "al", PhoneNumber: "+14155550100",
	UserMetadata: map[string]any{"first": "Augusta", "pet": map[string]any{"name": "Mithril"}, "age": 36.0},
}

func TestCheck_AsksWhatTheConnectionAsks(t *testing.T) {
	t.Parallel()
	const personal = `{"passwordPolicy":"none","password_no_personal_info":{"enable":true}}`
	const dictionary = `{"passwordPolicy":"none","password_dictionary":{"enable":true,"dictionary":["Latchkey"]}}`
	for _, c := range []struct {
		options, password string
		want              error
	}{
		{`{"passwordPolicy":"none"}`, "", password.ErrWeak},
		{`{"passwordPolicy":"none"}`, "x", nil},
		{`{"passwordPolicy":"low"}`, "xxxxx", password.ErrWeak},
		{`{"passwordPolicy":"low"}`, "xxxxxx", nil},
		{`{"passwordPolicy":"fair"}`, "abcdefG1", nil},
		{`{"passwordPolicy":"fair"}`, "abcdefg1", password.ErrWeak},
		{`{"passwordPolicy":"fair"}`, "abcdefG!", password.ErrWeak},
		{`{"passwordPolicy":"fair"}`, "abcdG1", password.ErrWeak},
		{`{"passwordPolicy":"good"}`, "abcdef1!", nil},
		{`{"passwordPolicy":"good"}`, "abcdefgh1", password.ErrWeak},
		{`{}`, "abcdef1!", nil},
		{`{}`, "abcdefgh", password.ErrWeak},
		{`{"passwordPolicy":"excellent"}`, "abcdefgh1!", nil},
		{`{"passwordPolicy":"excellent"}`, "abcdefg1!", password.ErrWeak},
		{`{"passwordPolicy":"excellent"}`, "abcdefff1!", password.ErrWeak},
		{`{"passwordPolicy":"excellent"}`, "abcdeff1ff!", nil},
		{`{"passwordPolicy":"low","password_complexity_options":{"min_length":12}}`, "elevenchars", password.ErrWeak},
		{`{"passwordPolicy":"low","password_complexity_options":{"min_length":2}}`, "xy", nil},
		{`{"passwordPolicy":"none"}`, strings.Repeat("x", 73), password.ErrTooLong},
		{`{"passwordPolicy":"low","password_complexity_options":{"min_length":6}}`, "日本語日本語", nil},

		{`{"passwordPolicy":"none"}`, "password", nil},
		{dictionary, "PassWord", password.ErrCommon},
		{dictionary, "LATCHKEY", password.ErrCommon},
		{dictionary, "latchkeys", nil},
		{`{"passwordPolicy":"none","password_dictionary":{"enable":false,"dictionary":["x"]}}`, "x", nil},

		{personal, "xAUGUSTAx", password.ErrPersonal},
		{personal, "love-lovelace", password.ErrPersonal},
		{personal, "ada1815", password.ErrPersonal},
		{personal, "countess", password.ErrPersonal},
		{personal, "example.com", nil},
		{personal, "al", nil}, // too short to mean anything
		{personal, "mithril", nil},
		{personal, "+14155550100", password.ErrPersonal},
		{personal, "36", nil},

		{`{"password_options":{}}`, "fourteenchars!", password.ErrWeak},
		{`{"password_options":{}}`, "fifteen chars!!", nil},
		{`{"password_options":{"complexity":{"min_length":4,"character_types":["uppercase","special"],"character_type_rule":"all"}}}`, "abcD", password.ErrWeak},
		{`{"password_options":{"complexity":{"min_length":4,"character_types":["uppercase","special"],"character_type_rule":"all"}}}`, "aD!x", nil},
		{`{"password_options":{"complexity":{"min_length":4,"character_types":[],"character_type_rule":"three_of_four"}}}`, "aD1x", nil},
		{`{"password_options":{"complexity":{"min_length":4,"character_types":[],"character_type_rule":"three_of_four"}}}`, "ad1x", password.ErrWeak},
		{`{"password_options":{"complexity":{"min_length":1,"identical_characters":"block"}}}`, "xaaay", password.ErrWeak},
		{`{"password_options":{"complexity":{"min_length":1,"identical_characters":"allow"}}}`, "xaaay", nil},
		{`{"password_options":{"complexity":{"min_length":1,"sequential_characters":"block"}}}`, "x1aBcz", password.ErrWeak},
		{`{"password_options":{"complexity":{"min_length":1,"sequential_characters":"block"}}}`, "x321z", password.ErrWeak},
		{`{"password_options":{"complexity":{"min_length":1,"sequential_characters":"block"}}}`, "x12y89z", nil},
		{`{"password_options":{"complexity":{"min_length":1},"dictionary":{"active":true,"custom":["Zebra"],"default":"en_10k"}}}`, "zebra", password.ErrCommon},
		{`{"password_options":{"complexity":{"min_length":1},"dictionary":{"active":true,"default":"en_100k"}}}`, "Sunshine", password.ErrCommon},
		{`{"password_options":{"complexity":{"min_length":1},"dictionary":{"active":false,"custom":["zebra"]}}}`, "zebra", nil},
		{`{"password_options":{"complexity":{"min_length":1},"profile_data":{"active":true}}}`, "xAugustax", password.ErrPersonal},
		{`{"password_options":{"complexity":{"min_length":1},"profile_data":{"active":true,"blocked_fields":["user_metadata.pet.name"]}}}`, "mithril9", password.ErrPersonal},
		{`{"password_options":{"complexity":{"min_length":1},"profile_data":{"active":true,"blocked_fields":["user_metadata.pet.name"]}}}`, "xAugustax", nil},
		{`{"password_options":{"complexity":{"min_length":1},"profile_data":{"active":false,"blocked_fields":["name"]}}}`, "lovelace", nil},
	} {
		if got := password.Check(options(t, c.options), c.password, ada); !errors.Is(got, c.want) {
			t.Errorf("%s with %q: got %v, want %v", c.options, c.password, got, c.want)
		}
	}
}

func TestCheck_AnswersInTheWordsOfTheManagementAPI(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want string
	}{
		{password.ErrWeak, "PasswordStrengthError: Password is too weak"},
		{password.ErrCommon, "PasswordDictionaryError: Password is too common"},
		{password.ErrPersonal, "PasswordNoUserInfoError: Password contains user information"},
		{password.ErrUsed, "PasswordHistoryError: Password has previously been used"},
	} {
		if !strings.HasSuffix(c.err.Error(), c.want) {
			t.Errorf("got %q, want %q", c.err, c.want)
		}
	}
}

func TestReused_LooksAsFarBackAsTheConnectionRemembers(t *testing.T) {
	t.Parallel()
	h := password.New(0)
	var former []user.Password
	for _, hash := range []string{"$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e", "", "$pbkdf2-md5$i=1000,l=32$c2FsdHNhbHQ$hfM3TL0xFxmOhv6QuLhGoY9ssYEMuBnC0CqvlVqLRWw"} {
		former = append(former, user.Password(hash))
	}
	for _, c := range []struct {
		options, password string
		former            []user.Password
		want              error
	}{
		{`{}`, "correct horse", former, nil},
		{`{"password_history":{"enable":false,"size":5}}`, "correct horse", former, nil},
		{`{"password_history":{"enable":true,"size":5}}`, "correct horse", former, password.ErrUsed},
		{`{"password_history":{"enable":true}}`, "correct horse", former, password.ErrUsed},
		{`{"password_history":{"enable":true,"size":5}}`, "another horse", former, nil},
		{`{"password_history":{"enable":true,"size":2}}`, "correct horse", former[1:], password.ErrUsed},
		{`{"password_history":{"enable":true,"size":1}}`, "correct horse", former[1:], nil},
		{`{"password_options":{"history":{"active":true,"size":1}}}`, "correct horse", former, password.ErrUsed},
		{`{"password_options":{"history":{"active":false,"size":1}}}`, "correct horse", former, nil},
	} {
		if got := h.Reused(t.Context(), options(t, c.options), c.password, c.former); !errors.Is(got, c.want) {
			t.Errorf("%s with %q: got %v, want %v", c.options, c.password, got, c.want)
		}
	}
	if got := password.HistorySize(options(t, `{"password_history":{"enable":true,"size":99}}`)); got != 24 {
		t.Errorf("got a history of %d, want 24 at most", got)
	}
}

func TestFit_CutsOnlyWhereTheConnectionSaysSo(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 71) + "é" + "tail"
	truncate := options(t, `{"password_options":{"complexity":{"max_length_exceeded":"truncate"}}}`)
	if got := password.Fit(truncate, long); got != long[:71] {
		t.Errorf("got %q, want it cut before the character that would be split", got)
	}
	if got := password.Fit(options(t, `{}`), long); got != long {
		t.Errorf("got %q, want it whole", got)
	}
	if got := password.Fit(truncate, "short"); got != "short" {
		t.Errorf("got %q, want it whole", got)
	}
}
