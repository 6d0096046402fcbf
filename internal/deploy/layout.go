package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// layout is where a type's resources lie in the directory format.
type layout interface {
	// read gives what the folder says of the type; nil when it says nothing.
	read(r *reader, k *kind) (*section, error)
	// write puts the type into a tree.
	write(s *section, k *kind, t *tree)
	// owned are the patterns of the files that write makes.
	owned() []string
}

// reader reads a configuration from a folder.
type reader struct {
	folder
	config *Configuration
	// connections is the folder of connections, which can have another name on reading.
	connections string
}

// oneFile is a type that lies in one file: an object, or a list of resources.
type oneFile struct {
	path string
	list bool
}

func (l oneFile) read(r *reader, _ *kind) (*section, error) {
	if !r.isFile(l.path) {
		if dir := path.Dir(l.path); dir != "." {
			_, err := r.isDir(dir)
			return nil, err
		}
		return nil, nil
	}
	v, err := r.json(l.path)
	if err != nil {
		return nil, err
	}
	if o, ok := v.(object); ok && !l.list {
		return &section{items: []*item{{object: o, source: source{file: l.path}}}}, nil
	}
	list, ok := v.([]any)
	if !l.list || !ok {
		return nil, fmt.Errorf("%s: the file must hold a JSON %s", l.path, map[bool]string{true: "array", false: "object"}[l.list])
	}
	return sectionOf(list, source{file: l.path}, "")
}

func (l oneFile) write(s *section, _ *kind, t *tree) {
	if !l.list {
		t.json(l.path, s.one())
		return
	}
	list := []any{}
	for _, it := range s.items {
		list = append(list, it.object)
	}
	t.json(l.path, list)
}

func (oneFile) owned() []string { return nil }

// sectionOf makes a section of a list of objects, each at its place in a file.
func sectionOf(list []any, from source, at string) (*section, error) {
	s := &section{}
	for i, v := range list {
		place := source{file: from.file, at: fmt.Sprintf("%s[%d]", at, i)}
		o, ok := v.(object)
		if !ok {
			return nil, place.refuse("", "this must be an object")
		}
		s.items = append(s.items, &item{object: o, source: place})
	}
	return s, nil
}

// manyFiles is a type with one file for each resource, named after it.
type manyFiles struct {
	dir    string
	name   func(*tree, object) string // what the file is named after; the property name when nil
	inner  string                     // the file in a folder of the resource's name, instead of a file of its name
	except []string                   // files of the folder that belong to another type
	shape  []string                   // patterns of the files; *.json when nil
}

// names gives the file names of a type's resources.
func (l manyFiles) names(t *tree, items []*item) []string {
	return fileNames(items, func(o object) string {
		if l.name != nil {
			return l.name(t, o)
		}
		return text(o, "name")
	})
}

func (l manyFiles) read(r *reader, k *kind) (*section, error) {
	dir := l.dir
	if k.name == "connections" {
		dir = r.connections
	}
	if there, err := r.isDir(dir); err != nil || !there {
		return nil, err
	}
	files, err := l.files(r, dir)
	if err != nil {
		return nil, err
	}
	s := &section{}
	for _, name := range files {
		o, err := r.object(name)
		if err != nil {
			return nil, err
		}
		if len(o) == 0 && k.skipEmpty {
			continue
		}
		it := &item{object: o, source: source{file: name}}
		if k.upgrade != nil {
			k.upgrade(o)
		}
		kept, err := readSides(r, k, it, path.Base(strings.TrimSuffix(name, ".json")), path.Dir(name), false)
		if err != nil {
			return nil, err
		}
		if kept {
			s.items = append(s.items, it)
		}
	}
	return s, nil
}

// files gives the paths of the resources' files.
func (l manyFiles) files(r *reader, dir string) ([]string, error) {
	var found []string
	if l.inner == "" {
		names, err := r.list(dir, ".json")
		for _, name := range names {
			if !slices.Contains(l.except, name) {
				found = append(found, path.Join(dir, name))
			}
		}
		return found, err
	}
	dirs, err := r.list(dir, "/")
	for _, name := range dirs {
		file := path.Join(dir, name, l.inner)
		if !r.isFile(file) {
			r.config.warn("%s holds no %s and is left out", path.Join(dir, name), l.inner)
			continue
		}
		found = append(found, file)
	}
	return found, err
}

func (l manyFiles) write(s *section, k *kind, t *tree) {
	t.folders[l.dir] = true
	for i, name := range l.names(t, s.items) {
		o := cloneObject(s.items[i].object)
		file := path.Join(l.dir, name+".json")
		if l.inner != "" {
			file = path.Join(l.dir, name, l.inner)
		}
		writeSides(t, k, o, name, path.Dir(file), false)
		t.json(file, o)
	}
}

func (l manyFiles) owned() []string {
	if l.shape != nil {
		return l.shape
	}
	return []string{l.dir + "/*.json"}
}

// side is a property whose text lies in a file of its own. Places are written with {file} for the resource's file name, {dir}
// for the folder of its JSON file and {key} for the name of a property that stands for the last *.
type side struct {
	property  string // options.customScripts.* is each property of customScripts
	only      func(object) bool
	directory place
	yaml      place
	// sibling is a file beside the JSON file with the same base name: fallback is used when what the property names is not
	// there, and instead whatever the property says.
	sibling siblingUse
	missing func(object) missing
	// always writes a file for empty text too.
	always bool
}

// place is how a property names its side file, and the folder from which that counts.
type place struct{ base, ref string }

type siblingUse int

const (
	siblingUnused siblingUse = iota
	siblingFallback
	siblingInstead
)

// missing says what becomes of a resource whose side file is not there.
type missing int

const (
	missingFails   missing = iota
	missingLiteral         // the property holds the text itself
	missingSkips           // the resource is left out
	missingEmpty           // the text is empty
)

func (p place) file(values *strings.Replacer) (base, ref string) {
	return values.Replace(p.base), values.Replace(p.ref)
}

// readSides puts the texts of an item's side files into its properties. It reports whether the item is kept.
func readSides(r *reader, k *kind, it *item, base, dir string, yaml bool) (bool, error) {
	for _, s := range k.sides {
		if s.only != nil && !s.only(it.object) {
			continue
		}
		for _, property := range s.properties(it.object) {
			kept, err := s.read(r, k, it, property, base, dir, yaml)
			if err != nil || !kept {
				return kept, err
			}
		}
	}
	return true, nil
}

// properties gives the paths that the side stands for in an object.
func (s side) properties(o object) []string {
	parent, every := strings.CutSuffix(s.property, ".*")
	if !every {
		return []string{s.property}
	}
	v, _ := lookup(o, parent)
	scripts, _ := v.(object)
	var found []string
	for _, key := range slices.Sorted(maps.Keys(scripts)) {
		found = append(found, parent+"."+key)
	}
	return found
}

func (s side) read(r *reader, k *kind, it *item, property, base, dir string, yaml bool) (bool, error) {
	at := s.directory
	if yaml {
		at = s.yaml
	}
	from := strings.NewReplacer("{dir}", dir).Replace(at.base)
	ref := textAt(it.object, property)
	if s.sibling == siblingInstead && !yaml {
		ref = "./" + base + ".html"
	}
	if ref == "" {
		return true, nil
	}
	verdict := missingFails
	if s.missing != nil {
		verdict = s.missing(it.object)
	}
	if verdict == missingLiteral && !looksLikePath(ref) {
		return true, nil
	}
	file, err := resolve(from, ref)
	if err != nil {
		return false, it.source.refuse(property, "%v", err)
	}
	content, err := r.text(file)
	if errors.Is(err, fs.ErrNotExist) && s.sibling == siblingFallback && !yaml {
		file = path.Join(from, base+".html")
		content, err = r.text(file)
	}
	switch {
	case err == nil:
		put(it.object, property, content)
		it.setPart(property, file)
		return true, nil
	case !errors.Is(err, fs.ErrNotExist) || verdict == missingFails:
		return false, it.source.refuse(property, "%v", err)
	case verdict == missingSkips:
		r.config.warn("%s: %s: there is no file %s, so this %s is left out", it.source, property, file, k.name)
		return false, nil
	case verdict == missingEmpty:
		put(it.object, property, "")
	}
	return true, nil
}

// looksLikePath tells the path of a page from the page itself.
func looksLikePath(s string) bool {
	return strings.HasSuffix(s, ".html") && !strings.ContainsAny(s, "<>\n")
}

func (it *item) setPart(property, file string) {
	if it.source.parts == nil {
		it.source.parts = map[string]string{}
	}
	it.source.parts[property] = file
}

// writeSides moves the texts of a resource into files of their own.
func writeSides(t *tree, k *kind, o object, name, dir string, yaml bool) {
	for _, s := range k.sides {
		if s.only != nil && !s.only(o) {
			continue
		}
		for _, property := range s.properties(o) {
			content, there := lookup(o, property)
			body, isText := content.(string)
			if !there || !isText || (body == "" && !s.always) {
				continue
			}
			at := s.directory
			if yaml {
				at = s.yaml
			}
			key := property[strings.LastIndexByte(property, '.')+1:]
			base, ref := at.file(strings.NewReplacer("{file}", name, "{dir}", dir, "{key}", key))
			t.files[path.Join(base, ref)] = body
			put(o, property, ref)
		}
	}
}

// pattern matches the files that the place stands for.
func (p place) pattern() string {
	base, ref := p.file(strings.NewReplacer("{file}", "*", "{dir}", "*", "{key}", "*"))
	return path.Join(base, ref)
}
