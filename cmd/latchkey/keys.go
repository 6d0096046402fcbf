package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"latchkey/internal/seal"
	"latchkey/internal/server"
)

type keysCmd struct {
	Create createKeysCmd `cmd:"" help:"Make a master keyset."`
	Rotate rotateKeysCmd `cmd:"" help:"Rotate a tenant's signing keys, or the master keyset."`
}

type createKeysCmd struct {
	Master createMasterCmd `cmd:"" help:"Make a master keyset file. A file that exists is left as it is."`
}

type rotateKeysCmd struct {
	Signing rotateSigningCmd `cmd:"" help:"Sign a tenant's tokens with its next key from now on."`
	Master  rotateMasterCmd  `cmd:"" help:"Add a key to the master keyset and seal with it from now on."`
}

type createMasterCmd struct {
	keysetFlags
}

// Help explains the command.
func (*createMasterCmd) Help() string {
	return `Example:

    latchkey keys create master --master-keyset /etc/latchkey/keyset.json

Copy the file to every node and back it up. Whoever has it and the database has every secret; whoever loses it has lost them all.`
}

// Run makes the file.
func (c *createMasterCmd) Run(s streams) error {
	_, err := os.Stat(c.MasterKeyset)
	if err == nil {
		if _, err := readKeyset(c.MasterKeyset); err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.out, "%s holds a master keyset already; nothing was changed.\n", c.MasterKeyset)
		return err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	keyset, err := seal.NewKeyset()
	if err != nil {
		return err
	}
	data, err := keyset.Marshal()
	if err != nil {
		return err
	}
	// O_EXCL: of two that run at once one makes the file and the other says that it exists.
	f, err := os.OpenFile(c.MasterKeyset, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "Made %s. Copy it to every node and back it up apart from the database.\n", c.MasterKeyset)
	return err
}

type rotateSigningCmd struct {
	databaseFlags
	keysetFlags
	Tenant string `arg:"" help:"The tenant's name, as 'latchkey tenant list' shows it."`
}

// Help explains the command.
func (*rotateSigningCmd) Help() string {
	return `The next key has been in the tenant's JWKS since it was made, so clients know it already; the key that signed until now stays there, so tokens it signed remain good. Nodes sign with the new key within a second.

Example:

    latchkey keys rotate signing acme --database data.db --master-keyset keyset.json`
}

// Run rotates the tenant's keys.
func (c *rotateSigningCmd) Run(ctx context.Context, s streams) error {
	return withDatabase(ctx, c.Database, c.MasterKeyset, func(d *server.Database) error {
		id, err := d.RotateSigningKey(ctx, c.Tenant)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.out, "Tokens of %s are now signed with the key %s.\n", c.Tenant, id)
		return err
	})
}

type rotateMasterCmd struct {
	databaseFlags
	keysetFlags
}

// Help explains the command.
func (*rotateMasterCmd) Help() string {
	return `The file gets one more key, used for everything sealed from now on; the former keys stay in it, so what they sealed can still be read. The file before the rotation is kept beside it, with the ending .before.

A node that still runs with the former file cannot read what is sealed with the new key, and one that starts with it is refused. So rotate while no node runs, or copy the new file to all nodes at once and restart them together.

Example:

    latchkey keys rotate master --database data.db --master-keyset /etc/latchkey/keyset.json`
}

// Run rotates the keyset of the file and tells the database.
func (c *rotateMasterCmd) Run(ctx context.Context, s streams) error {
	if inline(c.MasterKeyset) {
		return usagef("the master keyset comes by the environment, where it cannot be written; write it to a file, rotate that with --master-keyset FILE, and put the result back")
	}
	return withDatabase(ctx, c.Database, c.MasterKeyset, func(d *server.Database) error {
		return c.rotate(ctx, s, d)
	})
}

func (c *rotateMasterCmd) rotate(ctx context.Context, s streams, d *server.Database) error {
	before, err := d.Keyset.Marshal()
	if err != nil {
		return err
	}
	rotated, err := d.Keyset.Rotate()
	if err != nil {
		return err
	}
	after, err := rotated.Marshal()
	if err != nil {
		return err
	}
	if err := replaceFile(c.MasterKeyset+".before", before); err != nil {
		return err
	}
	// The file first: with it everything can be read, whether or not the database knows of the rotation.
	if err := replaceFile(c.MasterKeyset, after); err != nil {
		return err
	}
	if err := d.Store.ResealKeyset(ctx, rotated); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "Rotated %s; the former file is %s.before. Copy the new one to every node and restart them together.\n", c.MasterKeyset, c.MasterKeyset)
	return err
}

// inline reports whether the setting holds the keyset itself.
func inline(setting string) bool { return strings.HasPrefix(strings.TrimSpace(setting), "{") }

// readKeyset reads the master keyset from the file named, or from the setting itself.
func readKeyset(setting string) (*seal.Keyset, error) {
	if inline(setting) {
		keyset, err := seal.Parse([]byte(setting))
		if err != nil {
			return nil, usagef("the master keyset in the environment: %v", err)
		}
		return keyset, nil
	}
	data, err := os.ReadFile(setting)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("there is no master keyset at %s; make one with: latchkey keys create master --master-keyset %s", setting, setting)
	}
	if err != nil {
		return nil, usagef("the master keyset cannot be read: %v", err)
	}
	keyset, err := seal.Parse(data)
	if err != nil {
		return nil, usagef("%s: %v", setting, err)
	}
	return keyset, nil
}

// replaceFile writes a file that only its owner may read, all of it or none.
func replaceFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already when all went well
	if _, err = f.Write(content); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
