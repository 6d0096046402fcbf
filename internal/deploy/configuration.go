package deploy

import (
	"fmt"
	"slices"
	"strings"
)

// Configuration is what files or a tenant say. A type of resource that it does not hold is not managed; one that it holds
// without a resource says that there should be none.
type Configuration struct {
	// Warnings are sentences about what was left out while reading or exporting.
	Warnings []string

	sections map[string]*section
	exclude  map[string][]string // names by type, from the YAML key exclude
	include  map[string][]string
}

// section is what is said about one type. A type of which a tenant has one has exactly one item.
type section struct {
	items []*item
	// skipped are resources of the tenant that an export leaves alone, with their files.
	skipped []*item
}

// item is one resource in the form of the files, with the texts of its side files in place.
type item struct {
	object object
	source source
}

// source tells where an item was read.
type source struct {
	file  string            // the file, from the root of the configuration
	at    string            // the place within it, in the YAML format
	parts map[string]string // properties that have a file of their own
}

// String names the file and the place.
func (s source) String() string {
	if s.at == "" {
		return s.file
	}
	return s.file + ": " + s.at
}

// refuse is an error about a property of an item.
func (s source) refuse(path, format string, args ...any) error {
	reason := fmt.Sprintf(format, args...)
	switch {
	case s.at != "" && path != "":
		return fmt.Errorf("%s: %s.%s: %s", s.file, s.at, path, reason)
	case path != "":
		return fmt.Errorf("%s: %s: %s", s.file, path, reason)
	default:
		return fmt.Errorf("%s: %s", s, reason)
	}
}

// fileOf names the file that a property was read from.
func (s source) fileOf(path string) string {
	for part, file := range s.parts {
		if path == part || strings.HasPrefix(path, part+".") || strings.HasPrefix(path, part+"[") {
			return file
		}
	}
	return s.file
}

func newConfiguration() *Configuration { return &Configuration{sections: map[string]*section{}} }

// Types names the types that the configuration manages, in the order of the YAML file.
func (c *Configuration) Types() []string {
	var types []string
	for _, k := range kinds() {
		if c.sections[k.name] != nil {
			types = append(types, k.name)
		}
	}
	return types
}

// Count tells how many resources of a type the configuration holds.
func (c *Configuration) Count(typ string) int {
	if s := c.sections[typ]; s != nil {
		return len(s.items)
	}
	return 0
}

func (c *Configuration) warn(format string, args ...any) {
	c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...))
}

// one gives the object of a type of which there is one, or nil.
func (s *section) one() object {
	if s == nil || len(s.items) == 0 {
		return nil
	}
	return s.items[0].object
}

// check refuses what no tenant can be made of, before anything is sent: two files for one resource, and properties that
// exclude each other.
func (c *Configuration) check() error {
	for _, k := range kinds() {
		s := c.sections[k.name]
		if s == nil {
			continue
		}
		if err := unique(k, s); err != nil {
			return err
		}
		if k.check == nil {
			continue
		}
		for _, it := range s.items {
			if err := k.check(it); err != nil {
				return err
			}
		}
	}
	return nil
}

func unique(k *kind, s *section) error {
	for _, key := range k.match {
		seen := map[string]*item{}
		for _, it := range s.items {
			value := key.of(it.object)
			if value == "" {
				continue
			}
			if other := seen[value]; other != nil && key.identity(k) {
				return it.source.refuse(key[0], "%s is here and in %s; one of them must go", show(lead(key, it.object)), other.source)
			}
			seen[value] = it
		}
	}
	return nil
}

func lead(key matchKey, o object) any { return o[key[0]] }

// matchKey names the properties whose values together say which resource is meant.
type matchKey []string

// of gives the key's value, or "" where a property is missing.
func (k matchKey) of(o object) string {
	var parts []string
	for _, name := range k {
		switch v := o[name]; v {
		case nil, "":
			return ""
		default:
			parts = append(parts, show(v))
		}
	}
	return strings.Join(parts, " ")
}

// identity reports whether two resources of a kind with the same value are a contradiction. A shorter key, such as the
// client and audience of a grant, may belong to several that a longer one tells apart.
func (k matchKey) identity(of *kind) bool {
	return !slices.ContainsFunc(of.match, func(other matchKey) bool {
		return len(other) > len(k) && slices.Equal(other[:len(k)], k)
	})
}
