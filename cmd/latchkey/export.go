package main

import (
	"context"
	"fmt"

	"latchkey/internal/deploy"
)

type exportCmd struct {
	deployFlags
	Format string `enum:"directory,yaml" default:"directory" help:"A directory of JSON files, or one file tenant.yaml with side files: directory or yaml."`
	Output string `required:"" placeholder:"DIR" help:"The folder to write. Files of resources that are no more are removed from it; nothing else is."`
}

// Help explains the command.
func (*exportCmd) Help() string {
	return `The files are those of Auth0's deploy CLI, in either of its formats, so both programs read them. Secrets are never written: a marker such as ##SMTP_PASS## stands in their place, and 'latchkey apply' leaves the stored secret alone where the marker is not replaced. Two exports of an unchanged tenant are equal byte for byte, so the folder can be kept in version control.

With AUTH0_PRESERVE_KEYWORDS in config.json the markers of the files that are already there stay.

Examples:

    latchkey export --tenant acme --output acme --database data.db --master-keyset keyset.json
    latchkey export --url https://login.example.com --token "$TOKEN" --format yaml --output acme`
}

// Run exports the tenant.
func (c *exportCmd) Run(ctx context.Context, s streams) error {
	settings, err := c.settings()
	if err != nil {
		return err
	}
	return c.with(ctx, func(t deploy.Tenant) error {
		exported, err := deploy.Export(ctx, t, settings)
		if err != nil {
			return err
		}
		format := deploy.Format(c.Format)
		if settings.PreserveKeywords {
			if err := exported.Preserve(deploy.Path(c.Output, format), settings); err != nil {
				return err
			}
		}
		if err := exported.Write(c.Output, format); err != nil {
			return err
		}
		s.warn(exported.Warnings)
		count := 0
		for _, typ := range exported.Types() {
			count += exported.Count(typ)
		}
		_, err = fmt.Fprintf(s.out, "Exported %d resources of %d types to %s.\n", count, len(exported.Types()), deploy.Path(c.Output, format))
		return err
	})
}
