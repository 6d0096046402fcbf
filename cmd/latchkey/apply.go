package main

import (
	"context"
	"fmt"

	"latchkey/internal/deploy"
)

type applyCmd struct {
	deployFlags
	Input       string `required:"" placeholder:"PATH" help:"What to apply: a folder in the directory format, or a file that ends with .yaml or .yml."`
	DryRun      bool   `help:"Show the plan and change nothing. The exit code is 2 when there is something to do."`
	AllowDelete bool   `help:"Delete what the tenant has and the files do not, of the types that the files manage. Without it such resources are only named."`
	Strict      bool   `help:"Refuse files that hold a type this server has no feature for, in place of leaving it out."`
	Secrets     bool   `help:"With --url, send every secret in the files, though a client is not told whether it is the stored one. Without it such a secret travels only with another change of its resource. With --tenant secrets are compared."`
}

// Help explains the command.
func (*applyCmd) Help() string {
	return `The files are those of Auth0's deploy CLI, in either of its formats; 'latchkey export' writes them. The plan is printed before anything happens: each resource with its file, each property with its old and new value. Only what the files say is compared, so a second run has nothing to do.

With --tenant everything happens in one transaction, or nothing does. With --url the work stops at the first refusal; what was done before stays done, and the command can be run again.

A marker such as ##SMTP_PASS## or @@SMTP_PORT@@ is replaced from AUTH0_KEYWORD_REPLACE_MAPPINGS in config.json or from a variable such as LATCHKEY_VAR_SMTP_PASS; a secret whose marker is not replaced keeps its stored value.

The exit code is 0 when all is as the files say, 1 when something is wrong, and 2 when --dry-run found something to do.

Examples:

    latchkey apply --input acme --dry-run --tenant acme --database data.db --master-keyset keyset.json
    LATCHKEY_VAR_SMTP_PASS=... latchkey apply --input acme/tenant.yaml --url https://login.example.com --token "$TOKEN"`
}

// Run plans, prints and applies.
func (c *applyCmd) Run(ctx context.Context, s streams) error {
	settings, err := c.settings()
	if err != nil {
		return err
	}
	settings.AllowDelete = settings.AllowDelete || c.AllowDelete
	settings.Strict, settings.SendSecrets = c.Strict, c.Secrets
	config, err := deploy.Read(c.Input, settings)
	if err != nil {
		return err
	}
	return c.with(ctx, func(t deploy.Tenant) error {
		plan, err := deploy.NewPlan(ctx, t, config, settings)
		if err != nil {
			return err
		}
		s.warn(plan.Warnings)
		if _, err := plan.WriteTo(s.out); err != nil {
			return err
		}
		switch {
		case plan.Empty():
			return nil
		case c.DryRun:
			return errChanges
		}
		if err := plan.Apply(ctx, nil); err != nil {
			return err
		}
		_, err = fmt.Fprintln(s.out, "Applied.")
		return err
	})
}
