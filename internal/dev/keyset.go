package dev

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"latchkey/internal/seal"
)

// keysetFile is the master keyset's name in the data folder.
const keysetFile = "master-keyset.json"

// openKeyset reads the master keyset kept in dir, or makes one when there is none.
func openKeyset(dir string) (*seal.Keyset, error) {
	path := filepath.Join(dir, keysetFile)
	data, err := os.ReadFile(path)
	if err == nil {
		k, err := seal.Parse(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return k, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the master keyset: %w", err)
	}
	k, err := seal.NewKeyset()
	if err != nil {
		return nil, err
	}
	if data, err = k.Marshal(); err != nil {
		return nil, err
	}
	return k, writeFile(path, data, 0o600)
}
