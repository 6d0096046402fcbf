package server

import (
	"io"
	"log/slog"

	"latchkey/internal/web/httpx"
)

// NewLog makes the operator's log: lines of JSON or text, fields with the names of secrets hidden.
func NewLog(w io.Writer, format string, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewTextHandler(w, options)
	if format == "json" {
		h = slog.NewJSONHandler(w, options)
	}
	return slog.New(httpx.Redact(h))
}
