package deploy

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Export reads a tenant's configuration. Secrets are markers in it, unless the settings ask for those that the API tells.
func Export(ctx context.Context, t Tenant, settings Settings) (*Configuration, error) {
	s := newSession(t, settings)
	c := newConfiguration()
	for _, k := range kinds() {
		if k.foreign || !settings.manages(k.name) {
			continue
		}
		all, err := s.of(ctx, k.name)
		if err != nil {
			return nil, err
		}
		if reason := s.lacks(k.name); reason != nil {
			c.warn("%s are not exported: %v", k.name, reason)
			continue
		}
		if k.single && len(all) == 0 {
			continue
		}
		c.sections[k.name] = s.export(k, all)
	}
	c.Warnings = append(c.Warnings, s.warnings...)
	return c, nil
}

// export gives a type's resources as they are written.
func (s *session) export(k *kind, all []*stored) *section {
	found := &section{}
	for _, st := range all {
		if st.hidden {
			continue
		}
		if s.skips(k.name, st.object) {
			found.skipped = append(found.skipped, &item{object: cloneObject(st.object)})
			continue
		}
		o := cloneObject(st.object)
		for _, path := range slices.Concat(k.dropped, []string{"created_at", "updated_at"}) {
			if !slices.Contains(s.settings.IncludedProps[k.name], path) {
				remove(o, path)
			}
		}
		if !s.settings.ExportIdentifiers && k.id != "" {
			delete(o, k.id)
		}
		if k.strip != nil {
			k.strip(o)
		}
		found.items = append(found.items, &item{object: o})
	}
	s.mask(k, found)
	for _, it := range found.items {
		for _, path := range s.settings.ExcludedProps[k.name] {
			remove(it.object, path)
		}
	}
	return found
}

// mask puts markers in the place of secrets. Where two resources would share one, their names tell them apart.
func (s *session) mask(k *kind, found *section) {
	shared := map[string]int{}
	for _, it := range found.items {
		for _, hidden := range k.secretsOf(it.object) {
			if s.masks(it.object, hidden) {
				shared[hidden.mask]++
			}
		}
	}
	for _, it := range found.items {
		for _, hidden := range k.secretsOf(it.object) {
			if !s.masks(it.object, hidden) {
				continue
			}
			text := hidden.mask
			if shared[text] > 1 {
				text = strings.TrimSuffix(text, "##") + "_" + upper(title(k, it.object)) + "##"
			}
			put(hidden.in(it.object), hidden.path, text)
		}
	}
}

// masks reports whether a marker is written in the place of a secret.
func (s *session) masks(o object, hidden secret) bool {
	value, there := lookup(hidden.in(o), hidden.path)
	if !there || value == nil || value == "" {
		return hidden.written
	}
	return hidden.masked || !s.settings.ExportSecrets
}

var notUpper = regexp.MustCompile(`[^A-Z0-9]+`)

// upper gives text as it stands in the name of a keyword.
func upper(s string) string {
	return strings.Trim(notUpper.ReplaceAllString(strings.ToUpper(s), "_"), "_")
}

func marker(format string, args ...any) string {
	parts := make([]any, len(args))
	for i, a := range args {
		parts[i] = upper(fmt.Sprint(a))
	}
	return "##" + fmt.Sprintf(format, parts...) + "##"
}
