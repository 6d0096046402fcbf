package main

import (
	"context"

	"latchkey/internal/dev"
	"latchkey/internal/message"
	"latchkey/internal/sandbox"
	"latchkey/internal/server"
)

type devCmd struct {
	Listen   string `default:"localhost:8443" placeholder:"HOST:PORT" help:"The address to answer on, ${default} when absent. Port 0 takes any free port. The inbox and the sample application take the two ports after it, or any free ones."`
	Data     string `default:"latchkey-dev" placeholder:"DIR" help:"The folder of everything, ${default} when absent: database, keys, certificate authority and dev.json, which tells scripts where to find the rest. Remove it to start afresh."`
	Domain   string `placeholder:"NAME[:PORT]" help:"The domain that clients are configured with and tokens name as their issuer; the host and port of --listen when absent. A name must lead to this machine, by /etc/hosts for example."`
	SMTP     string `placeholder:"URL" help:"Messages also leave by this mail server, such as smtp://localhost:1025. The inbox gets them in any case."`
	NoTLS    bool   `name:"no-tls" help:"Plain HTTP; every URL and the issuer begin with http://. Browsers then refuse what needs a secure context on any name but localhost."`
	Database string `placeholder:"FILE|URL" help:"Another database than DIR/data.db: a SQLite file or postgres://user:password@host/name. Its secrets belong to the keyset in DIR: another folder's server refuses it."`

	logFlags
}

// Help explains dev beyond its settings.
func (*devCmd) Help() string {
	return `Never for production: the keys lie unprotected in a folder, the sample applications accept every loopback address, and the inbox shows live codes.

    latchkey dev

starts a server with a sample tenant, opens an inbox where its codes arrive and a sample application to log in to, and prints their addresses. Everything is kept in the folder latchkey-dev and found again at the next start.

For scripts, any free port and a folder to throw away:

    latchkey dev --listen localhost:0 --data "$(mktemp -d)"

For clients that want a plain name on port 443, as nextjs-auth0 does (port 443 needs the right to open it):

    echo "127.0.0.1 login.test" | sudo tee -a /etc/hosts
    latchkey dev --listen localhost:443 --domain login.test`
}

// Run starts development mode and stays until the process is told to stop.
func (c *devCmd) Run(ctx context.Context, s streams) error {
	worker, err := sandbox.Command(workerCommand)
	if err != nil {
		return err
	}
	config := dev.Config{
		Worker: worker,
		Listen: c.Listen, Data: c.Data, Domain: c.Domain, NoTLS: c.NoTLS, Database: c.Database,
		Out: s.out, Log: server.NewLog(s.err, c.LogFormat, c.LogLevel), Version: version(),
	}
	if c.SMTP != "" {
		smtp, err := message.ParseSMTP(c.SMTP)
		if err != nil {
			return usagef("--smtp: %v", err)
		}
		config.SMTP = &smtp
	}
	return dev.Run(ctx, config)
}
