package deploy

import "path/filepath"

// Format is how a configuration lies in files.
type Format string

// The formats.
const (
	Directory Format = "directory"
	YAML      Format = "yaml"
)

// yamlName is the YAML file in the folder that an export is written to.
const yamlName = "tenant.yaml"

// Write makes a folder hold the configuration. Files of resources that are no more are removed; of types that the
// configuration does not manage nothing is touched.
func (c *Configuration) Write(dir string, f Format) error { return c.tree(f).flush(dir) }

// Path gives what Read takes to read what Write has written.
func Path(dir string, f Format) string {
	if f == YAML {
		return filepath.Join(dir, yamlName)
	}
	return dir
}

// tree gives the files of the configuration.
func (c *Configuration) tree(f Format) *tree {
	t := newTree()
	t.apis = map[string]string{}
	if apis := c.sections["resourceServers"]; apis != nil {
		for _, it := range apis.items {
			t.apis[text(it.object, "identifier")] = text(it.object, "name")
		}
	}
	var sections []yamlSection
	for _, k := range kinds() {
		s := c.sections[k.name]
		if s == nil || k.foreign {
			continue
		}
		sortResources(s.items, func(it *item) object { return it.object })
		if f == Directory {
			k.files.write(s, k, t)
			t.owned = append(t.owned, k.files.owned()...)
			t.keep(k, s.skipped)
			continue
		}
		sections = append(sections, yamlSection{k.name, s.yaml(k, t)})
	}
	if f == YAML {
		t.files[yamlName] = string(writeYAML(sections))
	}
	return t
}

// yaml gives the value under the type's key, and puts the side files into the tree.
func (s *section) yaml(k *kind, t *tree) any {
	for _, side := range k.sides {
		t.owned = append(t.owned, side.yaml.pattern())
	}
	list := []any{}
	l, _ := k.files.(manyFiles)
	for i, name := range l.names(t, s.items) {
		o := cloneObject(s.items[i].object)
		writeSides(t, k, o, name, "", true)
		if k.toYAML != nil {
			k.toYAML(t, o)
		}
		list = append(list, o)
	}
	if k.single {
		if len(list) == 0 {
			return object{}
		}
		return list[0]
	}
	return list
}

// keep lets the files of resources be that are left alone.
func (t *tree) keep(k *kind, skipped []*item) {
	if len(skipped) == 0 {
		return
	}
	beside := newTree()
	beside.apis = t.apis
	k.files.write(&section{items: skipped}, k, beside)
	for name := range beside.files {
		t.kept[name] = true
	}
}
