// Command generate reduces Auth0's public OpenAPI document of the Management
// API to the facts that package apischema embeds. See CONTRIBUTING.md.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	in := flag.String("in", "management-api.json", "the OpenAPI 3.1 document")
	out := flag.String("out", filepath.FromSlash("internal/apischema/operations"), "folder that is written anew")
	flag.Parse()
	if err := run(*in, *out); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// run writes the files of every operation and removes those of operations that
// the document no longer has.
func run(in, out string) error {
	text, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	files, err := Reduce(text)
	if err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(out, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
