package deploy

import (
	"fmt"
	"io"
	"strings"
)

// Action is what a change does.
type Action string

// The actions.
const (
	Create  Action = "create"
	Update  Action = "update"
	Replace Action = "replace" // deleted and created, since a property cannot be changed
	Delete  Action = "delete"
)

// Change is what has to happen to one resource.
type Change struct {
	Action Action
	Type   string
	Name   string // what people call the resource
	Source string // where the files tell of it
	// Properties are what an update changes.
	Properties []Difference
	// Forbidden is a deletion that the settings do not allow, so it will not happen.
	Forbidden bool

	kind   *kind
	item   *item
	stored *stored
	masked []string // paths of what the file does not tell
	along  []string // secrets that are sent with another change, since they are the stored ones or cannot be compared
}

// changes reports whether a property, or something in it, differs.
func (c *Change) changes(property string) bool {
	for _, d := range c.Properties {
		if d.Path == property || strings.HasPrefix(d.Path, property+".") || strings.HasPrefix(d.Path, property+"[") {
			return true
		}
	}
	return false
}

// tops names the properties of the resource that hold a difference.
func (c *Change) tops() []string {
	var found []string
	seen := map[string]bool{}
	for _, d := range c.Properties {
		if t := top(d.Path); !seen[t] {
			seen[t] = true
			found = append(found, t)
		}
	}
	return found
}

func top(path string) string {
	if i := strings.IndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return path
}

var signs = map[Action]string{Create: "+", Update: "~", Replace: "±", Delete: "-"}

// write writes the change for people.
func (c *Change) write(w *strings.Builder) {
	sign := signs[c.Action]
	if c.Forbidden {
		sign = "!"
	}
	fmt.Fprintf(w, "%s %s %s", sign, c.Type, c.Action)
	if c.Name != "" {
		fmt.Fprintf(w, " %q", c.Name)
	}
	switch {
	case c.Forbidden:
		w.WriteString(": it is not in the files, and deleting is not allowed")
	case c.Source != "":
		fmt.Fprintf(w, " (%s)", c.Source)
	}
	w.WriteByte('\n')
	for _, d := range c.Properties {
		fmt.Fprintf(w, "    %s\n", d.line(c))
	}
}

func (d Difference) line(c *Change) string {
	from := ""
	if c.item != nil {
		if file := c.item.source.fileOf(d.Path); file != c.item.source.file {
			from = " (" + file + ")"
		}
	}
	if d.Secret {
		return fmt.Sprintf("%s: (secret) -> (secret)%s", d.Path, from)
	}
	return fmt.Sprintf("%s: %s -> %s%s", d.Path, brief(d.Old), brief(d.New), from)
}

// brief shows a value in a plan; a long one by its beginning and length.
func brief(v any) string {
	if v == nil {
		return "(none)"
	}
	s := show(v)
	const most = 160
	if r := []rune(s); len(r) > most {
		return fmt.Sprintf("%s... (%d characters)", string(r[:most-40]), len(r))
	}
	return s
}

// WriteTo writes the plan for people: what would be done, with file, property, old and new value.
func (p *Plan) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, p.String())
	return int64(n), err
}

// String gives the plan as WriteTo writes it.
func (p *Plan) String() string {
	var b strings.Builder
	for _, c := range p.Changes {
		c.write(&b)
	}
	counts := map[Action]int{}
	for _, c := range p.Changes {
		if !c.Forbidden {
			counts[c.Action]++
		}
	}
	if p.Empty() {
		b.WriteString("No changes.\n")
		return b.String()
	}
	var parts []string
	for _, a := range []Action{Create, Update, Replace, Delete} {
		if counts[a] > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", counts[a], a))
		}
	}
	for _, err := range p.lacking {
		fmt.Fprintf(&b, "? %v\n", err)
	}
	fmt.Fprintf(&b, "Plan: %s.\n", strings.Join(parts, ", "))
	return b.String()
}
