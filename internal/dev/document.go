package dev

import (
	"encoding/json"
	"fmt"
	"path/filepath"
)

// documentFile is the name of the file that tells scripts where everything is.
const documentFile = "dev.json"

// Document is dev.json: what scripts and tests need to know of one tenant of a development server. A part that does not
// exist is null.
type Document struct {
	Issuer       string     `json:"issuer"`
	Domain       string     `json:"domain"`
	CACert       *string    `json:"ca_cert"`
	DashboardURL *string    `json:"dashboard_url"`
	InboxURL     string     `json:"inbox_url"`
	SampleAppURL *string    `json:"sample_app_url"`
	Management   Management `json:"management"`
	SPA          Public     `json:"spa"`
	Web          Secret     `json:"web"`
	Native       Public     `json:"native"`
	API          API        `json:"api"`
}

// Management is the client that may do everything at the Management API.
type Management struct {
	Secret
	Audience string `json:"audience"`
}

// Public is a client without a secret.
type Public struct {
	ClientID string `json:"client_id"`
}

// Secret is a client with a secret.
type Secret struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// API is the sample API.
type API struct {
	Audience string `json:"audience"`
}

// write writes the document into a folder. A reader sees the former document or this one, never a part.
func (d *Document) write(dir string) error {
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", documentFile, err)
	}
	return writeFile(filepath.Join(dir, documentFile), append(text, '\n'), 0o600)
}
