package main

import (
	"fmt"
	"log/slog"

	"github.com/alecthomas/kong"
)

const description = `An authentication server that Auth0's clients take for Auth0.

Try it on this machine, with nothing but this program:

    latchkey dev

Run it for others: make a master keyset, the tables and a tenant, then serve.

    latchkey keys create master --master-keyset /etc/latchkey/keyset.json
    latchkey migrate            --database postgres://latchkey@db/latchkey
    latchkey tenant create acme --domain login.example.com --database ... --master-keyset ...
    latchkey serve              --acme-email ops@example.com --database ... --master-keyset ...

Every setting can be given as a flag (--database FILE), in the environment (LATCHKEY_DATABASE=FILE) or in a YAML file named by --config (database: FILE). The first of these that is given wins. A key of the file that is no setting is an error.`

// cli is the one definition of every command and setting: flags, environment names, keys of the configuration file and
// help are made from it.
type cli struct {
	Config string `placeholder:"FILE" help:"Read settings from a YAML file. Its keys are the names of the flags; one file can hold those of every command. What it says gives way to the environment and to flags."`

	Dev     devCmd     `cmd:"" help:"Everything on one machine: TLS, a sample tenant and application, an inbox that shows the codes. Never for production."`
	Serve   serveCmd   `cmd:"" help:"Serve the tenants of a database in production."`
	Migrate migrateCmd `cmd:"" help:"Bring a database's tables to what this version needs."`
	Tenant  tenantCmd  `cmd:"" help:"Create and list tenants."`
	Keys    keysCmd    `cmd:"" help:"Make and rotate signing keys and the master keyset."`
	Export  exportCmd  `cmd:"" help:"Write a tenant's configuration to files."`
	Apply   applyCmd   `cmd:"" help:"Make a tenant's configuration what files say."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// BeforeResolve reads the configuration file, whether the flag or the environment names it.
func (c *cli) BeforeResolve(k *kong.Kong, ctx *kong.Context) error {
	path := c.Config
	for _, f := range ctx.Flags() {
		if f.Name == "config" {
			path, _ = ctx.FlagValue(f).(string)
		}
	}
	if path == "" {
		return nil
	}
	resolver, err := k.LoadConfig(path)
	if err != nil {
		return fmt.Errorf("the configuration file %s: %w", path, err)
	}
	ctx.AddResolver(resolver)
	return nil
}

// databaseFlags name the database and the keys to what is sealed in it.
type databaseFlags struct {
	Database string `required:"" placeholder:"FILE|URL" help:"The database: a SQLite file for one machine (it is made by 'latchkey migrate'), or postgres://user:password@host/name for any number of nodes. A wrong name here looks like an empty server: no tenant answers."`
}

type keysetFlags struct {
	MasterKeyset string `required:"" placeholder:"FILE" help:"The master keyset, made by 'latchkey keys create master': a file, or the keyset itself when it comes by the environment. Every node of a database needs the same one. Without it nothing in the database can be read: no code, client secret or signing key. Back it up apart from the database."`
}

type logFlags struct {
	LogFormat string     `enum:"text,json" default:"text" help:"How log lines are written to standard error: text or json. Secrets are never in them."`
	LogLevel  slog.Level `default:"info" placeholder:"LEVEL" help:"The least important log lines to write: debug, info, warn or error. Each request is a line of level info."`
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(s streams) error {
	_, err := fmt.Fprintln(s.out, "latchkey", version())
	return err
}
