package httpx

import (
	"net/http"

	"github.com/rs/cors"
)

// CORSConfig says who may read the answers of an endpoint from another origin.
type CORSConfig struct {
	// Allowed reports whether origin may read the answer to r. At a preflight the caller is not known yet: it answers for
	// any client of the tenant. Nil allows every origin.
	Allowed func(r *http.Request, origin string) bool
	// Credentials lets the allowed origins call with our cookies. The handler has to find out whether the origin is the
	// calling client's own before it lets a cookie count.
	Credentials bool
}

// CORS answers preflights and adds the headers of cross-origin answers (Fetch standard; Auth0's page "Set up CORS"). An
// origin that is not allowed gets the plain answer without any of them.
func CORS(cfg CORSConfig) func(http.Handler) http.Handler {
	options := cors.Options{
		AllowedMethods: []string{
			http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
		},
		// The headers that Auth0's clients send.
		AllowedHeaders: []string{"Content-Type", "Authorization", "Auth0-Client", "DPoP", "X-Request-Language", "auth0-forwarded-for"},
		// The headers that Auth0's clients read.
		ExposedHeaders: []string{"DPoP-Nonce", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset",
			"Retry-After", "WWW-Authenticate"},
		MaxAge:               600,
		OptionsSuccessStatus: http.StatusNoContent,
		AllowCredentials:     cfg.Credentials,
	}
	if cfg.Allowed == nil {
		options.AllowedOrigins = []string{"*"}
	} else {
		options.AllowOriginVaryRequestFunc = func(r *http.Request, origin string) (bool, []string) {
			return cfg.Allowed(r, origin), nil
		}
	}
	return cors.New(options).Handler
}

// WithdrawCORS takes the permission back from an answer that is not written yet: the origin is registered at the tenant,
// but not at the client that turned out to be calling.
func WithdrawCORS(h http.Header) {
	h.Del("Access-Control-Allow-Origin")
	h.Del("Access-Control-Allow-Credentials")
	h.Del("Access-Control-Expose-Headers")
}
