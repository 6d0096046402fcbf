package main

import (
	"context"
	"fmt"

	"latchkey/internal/server"
)

type migrateCmd struct {
	databaseFlags
}

// Help explains the command.
func (*migrateCmd) Help() string {
	return `Changes are small, go forward only, and leave the version before working, so nodes of both versions may run meanwhile. Run it twice, or from several machines at once: one does the work, the others find it done. Back the database up first.

Examples:

    latchkey migrate --database /var/lib/latchkey/data.db
    latchkey migrate --database postgres://latchkey@db.internal/latchkey`
}

// Run migrates.
func (c *migrateCmd) Run(ctx context.Context, s streams) error {
	changed, err := server.Migrate(ctx, c.Database)
	if err != nil {
		return err
	}
	said := "The tables are what this version needs; nothing was changed."
	if changed {
		said = "The tables were brought to what this version needs."
	}
	_, err = fmt.Fprintln(s.out, said)
	return err
}
