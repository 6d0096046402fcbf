package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Read reads a configuration: from a folder, or from a YAML file with its side files. Errors name the file and the
// property.
func Read(input string, s Settings) (*Configuration, error) {
	known := newKeywords(s.Keywords)
	return read(input, s, func(_, text string) string { return known.replace(text) })
}

func read(input string, s Settings, replace func(name, text string) string) (*Configuration, error) {
	info, err := os.Stat(input)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is nothing at %s; name a folder, or a file that ends with .yaml or .yml", input)
	case err != nil:
		return nil, err
	}
	dir, name := input, ""
	if !info.IsDir() {
		dir, name = filepath.Dir(input), filepath.Base(input)
		if !isYAML(input) {
			return nil, fmt.Errorf("%s is neither a folder nor a file that ends with .yaml or .yml", input)
		}
		if s.BasePath != "" {
			dir = s.BasePath
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	r := &reader{folder: folder{root: root, replace: replace}, config: newConfiguration(), connections: "connections"}
	if name == "" {
		err = r.directory()
	} else {
		err = r.yaml(input, name)
	}
	if err != nil {
		return nil, err
	}
	return r.config, r.config.check()
}

func isYAML(name string) bool {
	ext := path.Ext(name)
	return ext == ".yaml" || ext == ".yml"
}

// directory reads the directory format.
func (r *reader) directory() error {
	for _, k := range kinds() {
		s, err := k.files.read(r, k)
		if err != nil {
			return err
		}
		if s != nil {
			r.config.sections[k.name] = s
		}
	}
	return nil
}

// yaml reads the YAML format.
func (r *reader) yaml(file, name string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	v, err := parseYAML([]byte(r.replace(name, string(data))))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	top, ok := v.(object)
	if !ok && v != nil {
		return fmt.Errorf("%s: the file must hold one mapping, with a key for each type", name)
	}
	if err := r.selection(name, top); err != nil {
		return err
	}
	for _, key := range keysOf(top, false) {
		k := kindNamed(key)
		switch {
		case key == "exclude" || key == "include":
			continue
		case k == nil:
			return fmt.Errorf("%s: %s: there is no such type; the types are %s", name, key, strings.Join(typeNames(), ", "))
		case top[key] == nil:
			continue
		}
		s, err := r.yamlSection(k, name, top[key])
		if err != nil {
			return err
		}
		r.config.sections[key] = s
	}
	return nil
}

func (r *reader) yamlSection(k *kind, file string, v any) (*section, error) {
	s := &section{}
	place := source{file: file, at: k.name}
	switch v := v.(type) {
	case object:
		if !k.single {
			return nil, place.refuse("", "this must be a list")
		}
		s.items = []*item{{object: v, source: place}}
	case []any:
		if k.single {
			return nil, place.refuse("", "this must be a mapping")
		}
		list, err := sectionOf(v, place, k.name)
		if err != nil {
			return nil, err
		}
		s = list
	default:
		return nil, place.refuse("", "this must be a list or a mapping")
	}
	var kept []*item
	for _, it := range s.items {
		if k.fromYAML != nil {
			if err := k.fromYAML(r, it); err != nil {
				return nil, err
			}
		}
		if k.upgrade != nil {
			k.upgrade(it.object)
		}
		keep, err := readSides(r, k, it, "", "", true)
		if err != nil {
			return nil, err
		}
		if keep {
			kept = append(kept, it)
		}
	}
	return &section{items: kept}, nil
}

// selection reads the keys exclude and include, which name resources that are left alone.
func (r *reader) selection(file string, top object) error {
	for key, into := range map[string]*map[string][]string{"exclude": &r.config.exclude, "include": &r.config.include} {
		if top[key] == nil {
			continue
		}
		o, ok := top[key].(object)
		if !ok {
			return fmt.Errorf("%s: %s: this must be a mapping from types to names", file, key)
		}
		*into = map[string][]string{}
		for typ, list := range o {
			if items, ok := list.([]any); list != nil && (!ok || len(names(list)) != len(items)) {
				return fmt.Errorf("%s: %s.%s: this must be a list of names", file, key, typ)
			}
			(*into)[typ] = names(list)
		}
	}
	return nil
}

// selected adds the selection that the YAML file itself makes to the settings.
func (c *Configuration) selected(s Settings) Settings {
	if len(c.exclude) == 0 && len(c.include["connections"]) == 0 {
		return s
	}
	excluded := map[string][]string{}
	for typ, list := range s.ExcludedNames {
		excluded[typ] = list
	}
	for typ, list := range c.exclude {
		excluded[typ] = append(excluded[typ][:len(excluded[typ]):len(excluded[typ])], list...)
	}
	s.ExcludedNames = excluded
	s.IncludedConnections = append(s.IncludedConnections[:len(s.IncludedConnections):len(s.IncludedConnections)], c.include["connections"]...)
	return s
}
