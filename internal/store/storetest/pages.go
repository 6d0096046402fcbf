package storetest

import (
	"context"
	"testing"
	"time"

	"latchkey/internal/branding"
	"latchkey/internal/locale"
	"latchkey/internal/resource"
	"latchkey/internal/store"
)

// setting is one record about pages.
func setting(kind resource.Kind, id string, document resource.Document) *resource.Resource {
	return &resource.Resource{Kind: kind, ID: id, Document: document, CreatedAt: at(0), UpdatedAt: at(0)}
}

var pages = []promise{
	{"WhatIsSetAboutPagesIsReadWhole", func(t *testing.T, s *suite) {
		ctx, id := t.Context(), s.tenant(t)
		none, err := s.db.PageConfig(ctx, id)
		ok(t, err)
		equal(t, "nothing set", none, &branding.PageConfig{})
		for _, r := range []*resource.Resource{
			setting(resource.Settings, resource.Branding, resource.Document{"colors": map[string]any{"primary": "#112233"}}),
			setting(branding.Themes, "first", resource.Document{"displayName": "First"}),
			setting(branding.Themes, "another", resource.Document{"displayName": "Another"}),
			setting(branding.CustomTexts, "login-id/de", resource.Document{"login-id": map[string]any{"title": "Hallo"}}),
			setting(branding.CustomTexts, "login-id/en", resource.Document{"login-id": map[string]any{"title": "Hello"}}),
			setting(branding.CustomTexts, "consent/en", resource.Document{"consent": map[string]any{"title": "May it?"}}),
		} {
			ok(t, s.db.CreateResource(ctx, id, r))
		}
		got, err := s.db.PageConfig(ctx, id)
		ok(t, err)
		equal(t, "pages", got, &branding.PageConfig{
			Basic: &branding.Branding{Colors: &branding.BrandColors{Primary: "#112233"}},
			Theme: &branding.Theme{DisplayName: "First"},
			Texts: locale.Custom{
				"de": {"login-id": {"login-id": {"title": "Hallo"}}},
				"en": {"login-id": {"login-id": {"title": "Hello"}}, "consent": {"consent": {"title": "May it?"}}},
			},
		})
		elsewhere, err := s.db.PageConfig(ctx, s.tenant(t))
		ok(t, err)
		equal(t, "another tenant's", elsewhere, &branding.PageConfig{})
		ok(t, s.db.DeleteResource(ctx, id, branding.Themes, "first"))
		got, err = s.db.PageConfig(ctx, id)
		ok(t, err)
		equal(t, "theme after the first was deleted", got.Theme.DisplayName, "Another")
	}},
	{"WhatIsSetAboutPagesIsCachedAndFollowedByOtherNodes", func(t *testing.T, s *suite) {
		url := s.fresh(t)
		db, node := Open(t, url, store.Options{ConfigAge: time.Hour}), Open(t, url, store.Options{ConfigAge: time.Nanosecond})
		ctx, id := t.Context(), newTenant(t, db)
		for _, at := range []*store.DB{db, node} {
			_, err := at.PageConfig(ctx, id)
			ok(t, err)
		}
		before := db.Stats()
		_, err := db.PageConfig(ctx, id)
		ok(t, err)
		equal(t, "work for a cached answer", db.Stats().Since(before), store.Stats{})
		ok(t, db.InTx(ctx, func(ctx context.Context) error {
			return db.CreateResource(ctx, id, setting(branding.Themes, "one", resource.Document{"displayName": "One"}))
		}))
		for name, at := range map[string]*store.DB{"its own": db, "another": node} {
			got, err := at.PageConfig(ctx, id)
			ok(t, err)
			equal(t, "theme on "+name+" node", got.Theme, &branding.Theme{DisplayName: "One"})
		}
	}},
}
