// Package seal keeps secrets at rest.
//
// One master keyset, the same on every node, does two things. What must be read back (client secrets, signing keys,
// message payloads) is sealed: authenticated encryption whose associated data names the place it was written for, so a
// ciphertext cannot be moved to another row, column or tenant. What is only compared (codes, tokens, session ids) is
// kept as a keyed hash: fast, because the secrets are random, and useless without the keyset.
//
// Rotation adds a key and makes it the first: new values use it, old ones are read with every key that lives. What must
// stay the same over rotations is hashed with the oldest.
package seal

import (
	"bytes"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sort"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// ErrOpen is the answer to a sealed value that this keyset, for this place, cannot open. It never says more.
var ErrOpen = errors.New("sealed value cannot be opened")

const hashSize = 32

// Keyset is a master keyset, ready for use. It is safe for concurrent use and never changes.
type Keyset struct {
	sealing *keyset.Handle
	hashing *keyset.Handle

	aead   tink.AEAD
	hashes []prf.PRF // the newest first
	stable prf.PRF   // the oldest that lives
}

// file is the form in which a keyset is kept: two of tink's JSON keysets.
type file struct {
	Sealing json.RawMessage `json:"sealing"`
	Hashing json.RawMessage `json:"hashing"`
}

// NewKeyset makes a fresh random keyset.
func NewKeyset() (*Keyset, error) {
	sealing, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make sealing keys: %w", err)
	}
	hashing, err := keyset.NewHandle(prf.HMACSHA256PRFKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make hashing keys: %w", err)
	}
	return load(sealing, hashing)
}

// Parse reads a keyset that Marshal wrote.
func Parse(data []byte) (*Keyset, error) {
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, errors.New("the master keyset is not the JSON that this program writes")
	}
	sealing, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(f.Sealing)))
	if err != nil {
		return nil, errors.New("the master keyset holds no readable sealing keys")
	}
	hashing, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(f.Hashing)))
	if err != nil {
		return nil, errors.New("the master keyset holds no readable hashing keys")
	}
	return load(sealing, hashing)
}

// Marshal writes the keyset with its secret keys, for a file that only the server may read.
func (k *Keyset) Marshal() ([]byte, error) {
	var sealing, hashing bytes.Buffer
	if err := insecurecleartextkeyset.Write(k.sealing, keyset.NewJSONWriter(&sealing)); err != nil {
		return nil, fmt.Errorf("write sealing keys: %w", err)
	}
	if err := insecurecleartextkeyset.Write(k.hashing, keyset.NewJSONWriter(&hashing)); err != nil {
		return nil, fmt.Errorf("write hashing keys: %w", err)
	}
	return json.MarshalIndent(file{Sealing: sealing.Bytes(), Hashing: hashing.Bytes()}, "", "  ")
}

// Rotate gives a keyset with one more key of each sort, used for everything written from now on.
func (k *Keyset) Rotate() (*Keyset, error) {
	sealing, err := withNewKey(k.sealing, aeadTemplate)
	if err != nil {
		return nil, err
	}
	hashing, err := withNewKey(k.hashing, prfTemplate)
	if err != nil {
		return nil, err
	}
	return load(sealing, hashing)
}

// LogValue keeps a keyset out of logs.
func (k *Keyset) LogValue() slog.Value { return slog.StringValue("[master keyset]") }

// String keeps a keyset out of formatted text.
func (k *Keyset) String() string { return "[master keyset]" }

func load(sealing, hashing *keyset.Handle) (*Keyset, error) {
	a, err := aead.New(sealing)
	if err != nil {
		return nil, fmt.Errorf("use sealing keys: %w", err)
	}
	set, err := prf.NewPRFSet(hashing)
	if err != nil {
		return nil, fmt.Errorf("use hashing keys: %w", err)
	}
	ids := make([]uint32, 0, len(set.PRFs))
	for id := range set.PRFs {
		ids = append(ids, id)
	}
	sort.Slice(ids, func(i, j int) bool {
		if (ids[i] == set.PrimaryID) != (ids[j] == set.PrimaryID) {
			return ids[i] == set.PrimaryID
		}
		return ids[i] < ids[j]
	})
	hashes := make([]prf.PRF, 0, len(ids))
	for _, id := range ids {
		hashes = append(hashes, set.PRFs[id])
	}
	stable, err := oldest(hashing)
	if err != nil {
		return nil, err
	}
	return &Keyset{sealing: sealing, hashing: hashing, aead: a, hashes: hashes, stable: set.PRFs[stable]}, nil
}

// oldest gives the id of the first living key. A keyset's keys stand in the order in which they were added.
func oldest(h *keyset.Handle) (uint32, error) {
	for i := range h.Len() {
		entry, err := h.Entry(i)
		if err != nil {
			return 0, fmt.Errorf("read a hashing key: %w", err)
		}
		if entry.KeyStatus() == keyset.Enabled {
			return entry.KeyID(), nil
		}
	}
	return 0, errors.New("the keyset has no living hashing key")
}

// Seal encrypts plaintext for one place. The place (tenant, table, column, id, or whatever names it) must be given again
// to open it.
func (k *Keyset) Seal(plaintext []byte, place ...string) ([]byte, error) {
	sealed, err := k.aead.Encrypt(plaintext, join(place))
	if err != nil {
		return nil, errors.New("seal a value") // tink's error is left out: it may name its input
	}
	return sealed, nil
}

// Open decrypts what Seal gave for the same place, or answers ErrOpen.
func (k *Keyset) Open(sealed []byte, place ...string) ([]byte, error) {
	plaintext, err := k.aead.Decrypt(sealed, join(place))
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}

// Hash gives the keyed hash under which a secret is stored. Purpose keeps hashes of different things apart.
func (k *Keyset) Hash(purpose, secret string) []byte {
	return compute(k.hashes[0], purpose, secret)
}

// StableHash gives a keyed hash that rotations of the master keyset do not change, as long as its oldest key lives. It is
// for values that callers compare over time though nothing is stored; secrets at rest are kept under Hash.
func (k *Keyset) StableHash(purpose, secret string) []byte {
	return compute(k.stable, purpose, secret)
}

// Hashes gives every hash under which a secret may have been stored, the newest first. There is more than one only after
// a rotation of the master keyset.
func (k *Keyset) Hashes(purpose, secret string) [][]byte {
	all := make([][]byte, len(k.hashes))
	for i, p := range k.hashes {
		all[i] = compute(p, purpose, secret)
	}
	return all
}

// Matches reports in constant time whether hash is one of the secret's.
func (k *Keyset) Matches(hash []byte, purpose, secret string) bool {
	found := false
	for _, h := range k.Hashes(purpose, secret) {
		found = hmac.Equal(h, hash) || found
	}
	return found
}

func compute(p prf.PRF, purpose, secret string) []byte {
	out, err := p.ComputePRF(join([]string{purpose, secret}), hashSize)
	if err != nil {
		panic(err) // only an output length beyond the hash's own can fail
	}
	return out
}

// join writes parts so that no two different lists look alike.
func join(parts []string) []byte {
	n := 0
	for _, p := range parts {
		n += len(p) + 4
	}
	out := make([]byte, 0, n)
	for _, p := range parts {
		l := len(p)
		out = append(out, byte(l>>24), byte(l>>16), byte(l>>8), byte(l))
		out = append(out, p...)
	}
	return out
}
