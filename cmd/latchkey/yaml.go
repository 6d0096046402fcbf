package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
)

// settings are the keys of a configuration file. They resolve flags that neither the command line nor the environment
// gives.
type settings map[string]any

// loadYAML reads a configuration file: one mapping from names of flags to values, lists or scalars.
func loadYAML(r io.Reader) (kong.Resolver, error) {
	var s settings
	if err := yaml.NewDecoder(r).Decode(&s); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.New(strings.TrimSpace(yaml.FormatError(err, false, false)))
	}
	for name, value := range s {
		if err := flat(value); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return s, nil
}

// flat refuses values that no flag can hold.
func flat(value any) error {
	switch v := value.(type) {
	case nil:
		return errors.New("the value is missing; remove the key or give it one")
	case []any:
		for _, item := range v {
			switch item.(type) {
			case nil, []any, map[string]any:
				return errors.New("the items of a list must be plain values")
			}
		}
	case map[string]any:
		return errors.New("settings do not nest; write each as name: value")
	}
	return nil
}

// Validate refuses keys that are no setting of any command.
func (s settings) Validate(app *kong.Application) error {
	known := map[string]bool{}
	var collect func(n *kong.Node)
	collect = func(n *kong.Node) {
		for _, f := range n.Flags {
			known[f.Name] = true
		}
		for _, child := range n.Children {
			collect(child)
		}
	}
	collect(app.Node)
	delete(known, "help")
	delete(known, "config")
	var unknown []string
	for key := range s {
		if !known[key] {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return fmt.Errorf("the configuration file has a key that is no setting: %s; keys are the names of flags, such as \"master-keyset\"",
		strings.Join(unknown, ", "))
}

// Resolve gives the file's value for a flag, unless the environment has one.
func (s settings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	value, ok := s[flag.Name]
	if !ok {
		return nil, nil
	}
	for _, env := range flag.Envs {
		if _, set := os.LookupEnv(env); set {
			return nil, nil
		}
	}
	switch v := value.(type) {
	case string, bool, []any:
		return v, nil
	default:
		return fmt.Sprint(v), nil
	}
}
