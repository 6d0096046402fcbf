package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Plan is what applying a configuration to a tenant would do.
type Plan struct {
	Changes  []*Change // in the order in which they are shown; deletions last
	Warnings []string
	// Unsupported names types in the files that the server has no feature for.
	Unsupported []string

	session *session
	config  *Configuration
	lacking []error // values without which resources cannot be created
}

// Empty reports whether there is nothing to do.
func (p *Plan) Empty() bool {
	return !slices.ContainsFunc(p.Changes, func(c *Change) bool { return !c.Forbidden })
}

// NewPlan compares a configuration with a tenant.
func NewPlan(ctx context.Context, t Tenant, c *Configuration, settings Settings) (*Plan, error) {
	s := newSession(t, c.selected(settings))
	s.config = c
	p := &Plan{session: s, config: c}
	ordered := kinds()
	slices.SortStableFunc(ordered, func(a, b *kind) int { return a.order - b.order })
	var deletions []*Change
	for _, k := range ordered {
		section := c.sections[k.name]
		if section == nil || !s.settings.manages(k.name) {
			continue
		}
		changes, err := p.plan(ctx, k, section)
		if err != nil {
			return nil, err
		}
		for _, change := range changes {
			if change.Action == Delete {
				deletions = append(deletions, change)
			} else {
				p.Changes = append(p.Changes, change)
			}
		}
	}
	slices.Reverse(deletions)
	p.Changes = append(p.Changes, deletions...)
	p.Warnings = slices.Concat(c.Warnings, s.warnings)
	if s.settings.Strict && len(p.Unsupported) > 0 {
		return nil, fmt.Errorf("the files hold types that this server has no feature for: %s", strings.Join(p.Unsupported, ", "))
	}
	return p, nil
}

// plan compares one type.
func (p *Plan) plan(ctx context.Context, k *kind, section *section) ([]*Change, error) {
	s := p.session
	if k.foreign {
		p.unsupported(k, "this server has no such feature")
		return nil, nil
	}
	all, err := s.of(ctx, k.name)
	if err != nil {
		return nil, err
	}
	if reason := s.lacks(k.name); reason != nil {
		p.unsupported(k, reason.Error())
		return nil, nil
	}
	wanted := make([]*Change, 0, len(section.items))
	for _, it := range section.items {
		if !s.skips(k.name, it.object) {
			wanted = append(wanted, &Change{Type: k.name, Source: it.source.String(), kind: k, item: it})
		}
	}
	spare := pair(k, wanted, all)
	var changes []*Change
	for _, c := range wanted {
		needed, err := p.compare(ctx, c)
		if err != nil {
			return nil, err
		}
		if needed {
			changes = append(changes, c)
		}
	}
	if k.single && k.remove == nil {
		return changes, nil
	}
	for _, st := range spare {
		if st.hidden || st.kept || s.skips(k.name, st.object) || k.single {
			continue
		}
		changes = append(changes, &Change{
			Action: Delete, Type: k.name, Name: title(k, st.object), Forbidden: !s.settings.AllowDelete, kind: k, stored: st,
		})
	}
	return changes, nil
}

func (p *Plan) unsupported(k *kind, reason string) {
	p.Unsupported = append(p.Unsupported, k.name)
	p.session.warn("%s: skipped (unsupported): %s", k.name, reason)
}

// pair gives each wanted resource the stored one that it means, and returns the stored ones that none means.
func pair(k *kind, wanted []*Change, all []*stored) []*stored {
	spare := slices.DeleteFunc(slices.Clone(all), func(st *stored) bool { return st.hidden })
	if k.single || k.alone {
		if len(wanted) > 0 && len(spare) > 0 {
			wanted[0].stored, spare = spare[0], spare[1:]
		}
		return spare
	}
	for _, key := range k.match {
		for _, c := range wanted {
			value := key.of(c.item.object)
			if c.stored != nil || value == "" {
				continue
			}
			i := slices.IndexFunc(spare, func(st *stored) bool {
				if len(key) == 1 && key[0] == k.id {
					return show(st.id) == value
				}
				return key.of(st.object) == value
			})
			if i >= 0 {
				c.stored = spare[i]
				spare = slices.Delete(spare, i, i+1)
			}
		}
	}
	return spare
}

// title is what people call a resource.
func title(k *kind, o object) string {
	if k.single {
		return ""
	}
	if k.title != nil {
		return k.title(o)
	}
	return text(o, "name")
}

// compare decides what has to happen to a wanted resource, and reports whether anything has.
func (p *Plan) compare(ctx context.Context, c *Change) (bool, error) {
	k, s := c.kind, p.session
	want := cloneObject(c.item.object)
	c.Name = title(k, want)
	c.masked = dropMasks(want)
	for _, path := range c.masked {
		s.warn("%s: %s is not given; what is stored stays", c.item.source, path)
	}
	if k.prepare != nil {
		if err := k.prepare(ctx, s, want, c.stored); err != nil {
			return false, c.item.source.refuse("", "%v", err)
		}
	}
	if c.stored == nil {
		if k.single && len(c.item.object) == 0 {
			return false, nil
		}
		c.Action = Create
		p.requireSecrets(c)
		return true, nil
	}
	if k.single && k.remove != nil && len(c.item.object) == 0 {
		c.Action, c.Forbidden = Delete, !s.settings.AllowDelete
		return true, nil
	}
	c.Action = Update
	compared := comparison{ignored: slices.Concat(k.readOnly, k.createOnly, s.settings.IgnoredProps[k.name], k.ownID()), ordered: k.ordered}
	for _, hidden := range k.secretsOf(want) {
		if hidden.holder == nil {
			c.compareSecret(s, compared, want, hidden.path)
		}
	}
	c.Properties = append(c.Properties, compared.compare("", want, c.stored.object)...)
	for i, d := range c.Properties {
		c.Properties[i].Secret = d.Secret || slices.Contains(k.unshown, d.Path)
	}
	c.settleFixed(s)
	slices.SortStableFunc(c.Properties, func(a, b Difference) int { return strings.Compare(a.Path, b.Path) })
	return len(c.Properties) > 0, nil
}

// settleFixed takes out what an update cannot change, and says so; or makes a replacement of the update.
func (c *Change) settleFixed(s *session) {
	c.Properties = slices.DeleteFunc(c.Properties, func(d Difference) bool {
		if slices.Contains(c.kind.replaced, top(d.Path)) {
			c.Action = Replace
			return false
		}
		if !slices.Contains(c.kind.fixed, top(d.Path)) {
			return false
		}
		s.warn("%s: %s cannot be changed from %s to %s; what is stored stays", c.item.source, d.Path, brief(d.Old), brief(d.New))
		return true
	})
}

// ownID gives the path of the resource's id, which files need not hold.
func (k *kind) ownID() []string {
	if k.id == "" {
		return nil
	}
	return []string{k.id}
}

func (k *kind) secretsOf(o object) []secret {
	if k.secrets == nil {
		return nil
	}
	return k.secrets(o)
}

// requireSecrets notes the secrets that a new resource cannot work without and that the file does not tell.
func (p *Plan) requireSecrets(c *Change) {
	if c.kind.complete != nil {
		p.lacking = append(p.lacking, c.kind.complete(p.session.settings, c.item)...)
	}
	for _, hidden := range c.kind.secretsOf(c.item.object) {
		if !hidden.required {
			continue
		}
		value, _ := lookup(hidden.in(c.item.object), hidden.path)
		marker, _ := value.(string)
		switch {
		case marker == notShown:
			p.lacking = append(p.lacking, c.item.source.refuse(hidden.path, "the value is needed to create this; write it in place of %s", notShown))
		case isMask(marker):
			keyword := strings.Trim(marker, "#@")
			p.lacking = append(p.lacking, c.item.source.refuse(hidden.path,
				"the value is needed to create this; give the keyword %s, for example in the environment as %s%s", keyword, variablePrefix, keyword))
		}
	}
}

// dropMasks removes the properties that stand for something the file does not tell, at every depth, and gives their paths.
func dropMasks(v any) []string {
	var dropped []string
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case object:
			for _, key := range keysOf(v, false) {
				if isMask(v[key]) {
					dropped = append(dropped, join(path, key))
					delete(v, key)
					continue
				}
				walk(join(path, key), v[key])
			}
		case []any:
			for i, element := range v {
				walk(fmt.Sprintf("%s[%d]", path, i), element)
			}
		}
	}
	walk("", v)
	return dropped
}
