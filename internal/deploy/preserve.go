package deploy

import (
	"fmt"
	"path"
)

// Preserve keeps the markers of the files that an export is about to replace. Where a property of a local file holds a
// marker of the settings' keywords, the exported property becomes the local text, marker included, even where the tenant
// has another value; that is told in a warning. A property that the tenant does not have is not added, and members of lists
// keep no marker: put the whole list behind one.
func (c *Configuration) Preserve(input string, s Settings) error {
	known := newKeywords(s.Keywords)
	local, err := read(input, s, func(name, text string) string {
		if ext := path.Ext(name); ext == ".json" || isYAML(name) {
			return known.quote(text)
		}
		return text
	})
	if err != nil {
		return fmt.Errorf("AUTH0_PRESERVE_KEYWORDS keeps the markers of the files at %s, which cannot be read: %w", input, err)
	}
	p := preserver{config: c, keywords: known}
	for _, k := range kinds() {
		mine, theirs := local.sections[k.name], c.sections[k.name]
		if mine == nil || theirs == nil {
			continue
		}
		for _, it := range mine.items {
			if at := p.counterpart(k, it, theirs); at != nil {
				p.keep(k.name+" "+title(k, at.object), it.object, at.object)
			}
		}
	}
	return nil
}

type preserver struct {
	config   *Configuration
	keywords keywords
}

// counterpart finds the exported resource that a local one means. Markers in what identifies it count by their values.
func (p preserver) counterpart(k *kind, local *item, s *section) *item {
	if k.single || k.alone {
		if len(s.items) > 0 {
			return s.items[0]
		}
		return nil
	}
	resolved := cloneObject(local.object)
	for name, value := range resolved {
		if text, ok := value.(string); ok && p.keywords.in(text) {
			resolved[name] = p.value(text)
		}
	}
	for _, key := range k.match {
		value := key.of(resolved)
		for _, it := range s.items {
			if value != "" && key.of(it.object) == value {
				return it
			}
		}
	}
	return nil
}

// keep puts the local texts with markers into the exported object.
func (p preserver) keep(at string, local, exported object) {
	for _, name := range keysOf(local, false) {
		value, there := exported[name]
		if !there {
			continue
		}
		switch l := local[name].(type) {
		case object:
			if e, ok := value.(object); ok {
				p.keep(join(at, name), l, e)
			}
		case string:
			if !p.keywords.in(l) {
				continue
			}
			if !p.stands(l, value) && !isMask(value) {
				p.config.warn("%s: the tenant has another value than the marker stands for; the marker stays", join(at, name))
			}
			exported[name] = l
		}
	}
}

// stands reports whether a text with markers stands for a value.
func (p preserver) stands(marked string, value any) bool { return equal(p.value(marked), value) }

// value gives what a text with markers stands for: a text, or the value of a marker that is all there is.
func (p preserver) value(marked string) any {
	text := p.keywords.replace(marked)
	for _, k := range p.keywords {
		if marked == "@@"+k.name+"@@" {
			if parsed, err := parseJSON([]byte(text)); err == nil {
				return parsed
			}
		}
	}
	return text
}
