package seal

import (
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
)

func aeadTemplate() *tinkpb.KeyTemplate { return aead.AES256GCMKeyTemplate() }
func prfTemplate() *tinkpb.KeyTemplate  { return prf.HMACSHA256PRFKeyTemplate() }

// withNewKey adds a key and makes it the primary one; the older keys stay readable.
func withNewKey(h *keyset.Handle, template func() *tinkpb.KeyTemplate) (*keyset.Handle, error) {
	m := keyset.NewManagerFromHandle(h)
	id, err := m.Add(template())
	if err != nil {
		return nil, fmt.Errorf("add a master key: %w", err)
	}
	if err := m.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("make the new master key primary: %w", err)
	}
	rotated, err := m.Handle()
	if err != nil {
		return nil, fmt.Errorf("use the rotated master keyset: %w", err)
	}
	return rotated, nil
}
