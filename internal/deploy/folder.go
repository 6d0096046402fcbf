package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// folder is the root that the files of a configuration lie under. Nothing outside of it is read or written: neither by a
// path nor through a symbolic link.
type folder struct {
	root *os.Root
	// replace is what happens to the text of a file before anything else.
	replace func(name, text string) string
}

// text reads a file.
func (f *folder) text(name string) (string, error) {
	data, err := f.root.ReadFile(filepath.FromSlash(name))
	if err != nil {
		return "", f.explain(name, err)
	}
	return f.replace(name, string(data)), nil
}

func (f *folder) explain(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: there is no such file: %w", name, fs.ErrNotExist)
	}
	return fmt.Errorf("%s: %w", name, plainCause(err))
}

// plainCause leaves out the path that the error repeats.
func plainCause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// json reads a JSON file.
func (f *folder) json(name string) (any, error) {
	s, err := f.text(name)
	if err != nil {
		return nil, err
	}
	v, err := parseJSON([]byte(s))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}

// object reads a JSON file that holds an object.
func (f *folder) object(name string) (object, error) {
	v, err := f.json(name)
	if err != nil {
		return nil, err
	}
	o, ok := v.(object)
	if !ok {
		return nil, fmt.Errorf("%s: the file must hold one JSON object", name)
	}
	return o, nil
}

// isFile reports whether there is a file.
func (f *folder) isFile(name string) bool {
	info, err := f.root.Stat(filepath.FromSlash(name))
	return err == nil && info.Mode().IsRegular()
}

// isDir reports whether there is a folder. A file in its place is an error.
func (f *folder) isDir(name string) (bool, error) {
	info, err := f.root.Stat(filepath.FromSlash(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, f.explain(name, err)
	case !info.IsDir():
		return false, fmt.Errorf("%s: this must be a folder", name)
	}
	return true, nil
}

// list gives the names in a folder, sorted: of the files with an ending, or of the folders where it is "/".
func (f *folder) list(dir, ending string) ([]string, error) {
	entries, err := fs.ReadDir(f.root.FS(), dir)
	if err != nil {
		return nil, f.explain(dir, err)
	}
	var found []string
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case ending != "/":
			if strings.HasSuffix(e.Name(), ending) && f.regular(name, e) {
				found = append(found, e.Name())
			}
		case e.IsDir():
			found = append(found, e.Name())
		}
	}
	slices.Sort(found)
	return found, nil
}

// regular reports whether an entry is a file, also behind a link. A link that leaves the root counts, so that reading it
// is refused in words.
func (f *folder) regular(name string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.Type().IsRegular()
	}
	info, err := f.root.Stat(filepath.FromSlash(name))
	return err != nil || info.Mode().IsRegular()
}

// resolve gives the path of a side file that a property names, from a folder. What leaves the root is refused.
func resolve(base, ref string) (string, error) {
	ref = strings.ReplaceAll(ref, `\`, "/")
	if path.IsAbs(ref) || (len(ref) > 1 && ref[1] == ':') {
		return "", fmt.Errorf("the path %q is absolute; side files lie beside the file that names them", ref)
	}
	joined := path.Join(base, ref)
	if !filepath.IsLocal(filepath.FromSlash(joined)) {
		return "", fmt.Errorf("the path %q leaves the folder of the configuration", ref)
	}
	return joined, nil
}

// sanitize gives the file name of a resource's name: what some file system does not take becomes a hyphen.
func sanitize(name string) string {
	var b strings.Builder
	for _, r := range name {
		if r < 0x20 || (r >= 0x80 && r <= 0x9F) || strings.ContainsRune(`/?<>\:*|"`, r) {
			r = '-'
		}
		b.WriteRune(r)
	}
	s := b.String()
	switch {
	case s == "":
		return "undefined" // what the deploy CLI makes of a missing name
	case strings.Trim(s, ".") == "", device(s):
		return "-"
	}
	if trimmed := strings.TrimRight(s, ". "); trimmed != s {
		s = trimmed + "-"
	}
	for len(s) > maxFileName {
		r := []rune(s)
		s = string(r[:len(r)-1])
	}
	return s
}

// maxFileName is how many bytes file systems take for a name, without the longest ending that is put behind it.
const maxFileName = 255 - len("_custom_login_page.html")

// device reports whether Windows takes a name for a device, with or without an ending.
func device(name string) bool {
	base, _, _ := strings.Cut(strings.ToLower(name), ".")
	switch base {
	case "con", "prn", "aux", "nul":
		return true
	}
	return len(base) == 4 && (strings.HasPrefix(base, "com") || strings.HasPrefix(base, "lpt")) && base[3] >= '0' && base[3] <= '9'
}

// fileNames gives each item's file name. Where several share one, also on systems that do not tell capitals, all but the
// first get a number, in the order of the items.
func fileNames(items []*item, name func(object) string) []string {
	taken := map[string]bool{}
	found := make([]string, len(items))
	for i, it := range items {
		base := sanitize(name(it.object))
		free := base
		for n := 2; taken[strings.ToLower(free)]; n++ {
			free = fmt.Sprintf("%s-%d", base, n)
		}
		taken[strings.ToLower(free)] = true
		found[i] = free
	}
	return found
}

// tree is what is written: the files by their paths, and folders that are there even when they are empty.
type tree struct {
	files   map[string]string
	folders map[string]bool
	owned   []string // patterns of files that are removed when they are not in files
	kept    map[string]bool
	apis    map[string]string // names of APIs by their identifiers, as far as the configuration tells
}

func newTree() *tree {
	return &tree{files: map[string]string{}, folders: map[string]bool{}, kept: map[string]bool{}}
}

func (t *tree) json(name string, v any) { t.files[name] = string(writeJSON(v)) }

// flush makes a folder hold the tree.
func (t *tree) flush(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for name := range t.folders {
		if err := root.MkdirAll(filepath.FromSlash(name), 0o755); err != nil {
			return err
		}
	}
	for name, content := range t.files {
		local := filepath.FromSlash(name)
		if err := root.MkdirAll(filepath.Dir(local), 0o755); err != nil {
			return err
		}
		if old, err := root.ReadFile(local); err == nil && string(old) == content {
			continue
		}
		if err := root.WriteFile(local, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return t.clear(root)
}

// clear removes the files of resources that are no more: those whose names have the shape that is written here.
func (t *tree) clear(root *os.Root) error {
	for _, pattern := range t.owned {
		found, err := fs.Glob(root.FS(), pattern)
		if err != nil {
			return err
		}
		for _, name := range found {
			if _, written := t.files[name]; written || t.kept[name] {
				continue
			}
			if info, err := root.Lstat(filepath.FromSlash(name)); err != nil || info.IsDir() {
				continue
			}
			if err := root.Remove(filepath.FromSlash(name)); err != nil {
				return err
			}
			t.prune(root, path.Dir(name))
		}
	}
	return nil
}

// prune removes a folder that a removed file leaves empty, and those above it.
func (t *tree) prune(root *os.Root, dir string) {
	for dir != "." && !t.folders[dir] {
		if root.Remove(filepath.FromSlash(dir)) != nil { // it is not empty
			return
		}
		dir = path.Dir(dir)
	}
}
