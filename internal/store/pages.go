package store

import (
	"context"
	"fmt"

	"latchkey/internal/branding"
	"latchkey/internal/resource"
	"latchkey/internal/store/engine"
)

var _ branding.Store = (*DB)(nil)

// PageConfig implements branding.Store.
func (db *DB) PageConfig(ctx context.Context, tenantID string) (*branding.PageConfig, error) {
	e, err := db.configOf(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	pages := e.pages
	e.mu.Unlock()
	if pages != nil {
		return pages, nil
	}
	if pages, err = db.loadPages(ctx, tenantID); err != nil {
		return nil, err
	}
	if db.transactionFrom(ctx) == nil {
		e.mu.Lock()
		e.pages = pages
		e.mu.Unlock()
	}
	return pages, nil
}

// loadPages asks its questions in one round trip.
func (db *DB) loadPages(ctx context.Context, tenantID string) (*branding.PageConfig, error) {
	var basic, theme, prompts resource.Document
	texts := map[string]resource.Document{}
	ask := func(sql string, keep func(*resource.Resource), args ...any) *engine.Statement {
		return &engine.Statement{SQL: sql, Args: append([]any{tenantID}, args...), Row: func(r engine.Row) error {
			one, err := scanResource(r)
			if err == nil {
				keep(one)
			}
			return err
		}}
	}
	err := db.readConfig(ctx,
		ask(selectResource, func(r *resource.Resource) { basic = r.Document }, string(resource.Settings), resource.Branding),
		ask(selectResource, func(r *resource.Resource) { prompts = r.Document }, string(resource.Settings), resource.Prompts),
		ask(selectResources+resourcesBehind, func(r *resource.Resource) { theme = r.Document }, string(branding.Themes), 0, 1, 0),
		ask(selectResources, func(r *resource.Resource) { texts[r.ID] = r.Document }, string(branding.CustomTexts)),
	)
	if err != nil {
		return nil, fmt.Errorf("read what is set about pages: %w", err)
	}
	return branding.ReadPages(basic, theme, prompts, texts), nil
}
