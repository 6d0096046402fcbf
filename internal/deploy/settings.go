package deploy

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Settings say what is managed and how files are read and written. The names in the comments are those of the deploy CLI's
// config.json and of the environment (https://auth0.com/docs/deploy-monitor/deploy-cli-tool/configure-the-deploy-cli).
type Settings struct {
	AllowDelete bool     // AUTH0_ALLOW_DELETE: delete what the files do not hold
	Excluded    []string // AUTH0_EXCLUDED: types that are neither exported nor applied
	Included    []string // AUTH0_INCLUDED_ONLY: the only types that are

	ExcludedNames            map[string][]string // AUTH0_EXCLUDED_CLIENTS, _CONNECTIONS, _DATABASES, _RESOURCE_SERVERS: names by type
	IncludedConnections      []string            // AUTH0_INCLUDED_CONNECTIONS: the only connections that are managed
	ExcludeThirdPartyClients bool                // AUTH0_EXCLUDE_THIRD_PARTY_CLIENTS

	ExcludedProps map[string][]string // EXCLUDED_PROPS: paths by type that are not exported
	IncludedProps map[string][]string // INCLUDED_PROPS: paths by type that are exported though they usually are not
	IgnoredProps  map[string][]string // AUTH0_IGNORE_DRY_RUN_FIELDS: paths by type that are not compared

	ExportIdentifiers bool   // AUTH0_EXPORT_IDENTIFIERS: write the ids of resources
	ExportSecrets     bool   // AUTH0_EXPORT_SECRETS: write secrets that the API tells
	PreserveKeywords  bool   // AUTH0_PRESERVE_KEYWORDS: keep the markers of the files that an export replaces
	BasePath          string // AUTH0_BASE_PATH: where side files of a YAML file lie, when not beside it

	Keywords map[string]any // AUTH0_KEYWORD_REPLACE_MAPPINGS, with the environment's values

	Domain       string // AUTH0_DOMAIN
	ClientID     string // AUTH0_CLIENT_ID
	ClientSecret string // AUTH0_CLIENT_SECRET
	AccessToken  string // AUTH0_ACCESS_TOKEN
	Audience     string // AUTH0_AUDIENCE

	// SendSecrets sends every secret that the files hold and that cannot be compared with the stored one.
	SendSecrets bool
	// Strict makes an error of types in the files that the server has no feature for.
	Strict bool
}

// variablePrefix leads the environment variables that are keywords.
const variablePrefix = "LATCHKEY_VAR_"

// ReadSettings reads the deploy CLI's config.json, if a file is named, and the environment, which wins. A variable of the
// environment becomes a keyword when the mappings name it or when it begins with LATCHKEY_VAR_; with all, each does.
func ReadSettings(file string, environ []string, all bool) (Settings, error) {
	values := object{}
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return Settings{}, err
		}
		parsed, err := parseJSON(data)
		if err != nil {
			return Settings{}, fmt.Errorf("%s: %w", file, err)
		}
		o, ok := parsed.(object)
		if !ok {
			return Settings{}, fmt.Errorf("%s: the file must hold one JSON object", file)
		}
		values = o
	}
	r := settingsReader{file: file, values: values, environ: map[string]string{}}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		r.environ[name] = value
	}
	s := r.read()
	s.Keywords = r.keywords(all)
	return s, errors.Join(r.err, s.check())
}

type settingsReader struct {
	file    string
	values  object
	environ map[string]string
	err     error
}

func (r *settingsReader) read() Settings {
	return Settings{
		AllowDelete: r.flag("AUTH0_ALLOW_DELETE"),
		Excluded:    r.list("AUTH0_EXCLUDED"), Included: r.list("AUTH0_INCLUDED_ONLY"),
		ExcludedNames: map[string][]string{
			"clients": r.list("AUTH0_EXCLUDED_CLIENTS"), "connections": r.list("AUTH0_EXCLUDED_CONNECTIONS"),
			"databases": r.list("AUTH0_EXCLUDED_DATABASES"), "resourceServers": r.list("AUTH0_EXCLUDED_RESOURCE_SERVERS"),
		},
		IncludedConnections:      r.list("AUTH0_INCLUDED_CONNECTIONS"),
		ExcludeThirdPartyClients: r.flag("AUTH0_EXCLUDE_THIRD_PARTY_CLIENTS"),
		ExcludedProps:            r.lists("EXCLUDED_PROPS"), IncludedProps: r.lists("INCLUDED_PROPS"),
		IgnoredProps:      r.lists("AUTH0_IGNORE_DRY_RUN_FIELDS"),
		ExportIdentifiers: r.flag("AUTH0_EXPORT_IDENTIFIERS"), ExportSecrets: r.flag("AUTH0_EXPORT_SECRETS"),
		PreserveKeywords: r.flag("AUTH0_PRESERVE_KEYWORDS"), BasePath: r.text("AUTH0_BASE_PATH"),
		Domain: r.text("AUTH0_DOMAIN"), ClientID: r.text("AUTH0_CLIENT_ID"), ClientSecret: r.text("AUTH0_CLIENT_SECRET"),
		AccessToken: r.text("AUTH0_ACCESS_TOKEN"), Audience: r.text("AUTH0_AUDIENCE"),
	}
}

// value gives a setting. One that comes by the environment and is no plain text is JSON.
func (r *settingsReader) value(name string, structured bool) any {
	given, ok := r.environ[name]
	switch {
	case !ok:
		return r.values[name]
	case !structured:
		return given
	}
	v, err := parseJSON([]byte(given))
	if err != nil {
		r.fail(name, "in the environment it must be JSON")
	}
	return v
}

func (r *settingsReader) fail(name, reason string) {
	where := ""
	if _, ok := r.environ[name]; !ok {
		where = r.file + ": "
	}
	r.err = errors.Join(r.err, fmt.Errorf("%s%s: %s", where, name, reason))
}

func (r *settingsReader) text(name string) string {
	v := r.value(name, false)
	s, ok := v.(string)
	if v != nil && !ok {
		r.fail(name, "it must be text")
	}
	return s
}

func (r *settingsReader) flag(name string) bool {
	switch v := r.value(name, false); v {
	case nil, false, "false", "":
		return false
	case true, "true":
		return true
	default:
		r.fail(name, "it must be true or false")
		return false
	}
}

func (r *settingsReader) list(name string) []string {
	v := r.value(name, true)
	if v == nil {
		return nil
	}
	items, ok := v.([]any)
	found := names(v)
	if !ok || len(found) != len(items) {
		r.fail(name, "it must be a list of names")
	}
	if found == nil {
		return []string{}
	}
	return found
}

func (r *settingsReader) lists(name string) map[string][]string {
	v := r.value(name, true)
	if v == nil {
		return nil
	}
	o, ok := v.(object)
	if !ok {
		r.fail(name, "it must be an object with a list of paths for each type")
	}
	out := map[string][]string{}
	for typ, paths := range o {
		out[typ] = names(paths)
	}
	return out
}

func (r *settingsReader) keywords(all bool) map[string]any {
	mappings, _ := r.value("AUTH0_KEYWORD_REPLACE_MAPPINGS", true).(object)
	out := object{}
	for name, value := range mappings {
		out[name] = value
	}
	for name, value := range r.environ {
		if short, own := strings.CutPrefix(name, variablePrefix); own && short != "" {
			out[short] = value
			continue
		}
		if _, named := mappings[name]; (named || all) && name != "" {
			out[name] = value
		}
	}
	return out
}

// check refuses settings that contradict each other.
func (s Settings) check() error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if s.Included != nil && len(s.Included) == 0 {
		refuse("AUTH0_INCLUDED_ONLY is empty, so nothing would be managed; remove it or name types")
	}
	if len(s.Included) > 0 && len(s.Excluded) > 0 {
		refuse("AUTH0_INCLUDED_ONLY and AUTH0_EXCLUDED are both given; one of them must go")
	}
	if len(s.IncludedConnections) > 0 && len(s.ExcludedNames["connections"]) > 0 {
		refuse("AUTH0_INCLUDED_CONNECTIONS and AUTH0_EXCLUDED_CONNECTIONS are both given; one of them must go")
	}
	for _, typ := range slices.Concat(s.Included, s.Excluded) {
		if kindNamed(typ) == nil {
			refuse("%q is no type of configuration; the types are %s", typ, strings.Join(typeNames(), ", "))
		}
	}
	for typ, paths := range s.IncludedProps {
		for _, path := range paths {
			if slices.Contains(s.ExcludedProps[typ], path) {
				refuse("%s of %s is in INCLUDED_PROPS and in EXCLUDED_PROPS", path, typ)
			}
		}
	}
	if s.PreserveKeywords && len(s.Keywords) == 0 {
		refuse("AUTH0_PRESERVE_KEYWORDS keeps the markers of AUTH0_KEYWORD_REPLACE_MAPPINGS, and that holds none")
	}
	return errors.Join(errs...)
}

// manages reports whether a type is exported and applied.
func (s Settings) manages(typ string) bool {
	if len(s.Included) > 0 {
		return slices.Contains(s.Included, typ)
	}
	return !slices.Contains(s.Excluded, typ)
}

// skips reports whether a resource is left alone though its type is managed.
func (s Settings) skips(typ string, o object) bool {
	name := text(o, "name")
	switch typ {
	case "connections":
		if len(s.IncludedConnections) > 0 && !slices.Contains(s.IncludedConnections, name) {
			return true
		}
	case "clients":
		if s.ExcludeThirdPartyClients && o["is_first_party"] == false {
			return true
		}
	}
	return slices.Contains(s.ExcludedNames[typ], name)
}
