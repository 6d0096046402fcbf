package deploy

import (
	"context"
	"net/http"
)

// kind is a type of configuration: where it lies in the files, what of it is compared, and how it is read and written at
// the Management API. Each is told in the file of its group.
type kind struct {
	name   string // its key in the YAML format
	order  int    // types are applied from the lowest on
	single bool   // a tenant has one, and it is never deleted unless remove is set

	// foreign types are read from files and reported; this server has no such feature.
	foreign bool

	files     layout
	sides     []side
	skipEmpty bool              // a file with {} says nothing
	upgrade   func(object)      // moves what stands at a former place
	check     func(*item) error // refuses what contradicts itself
	fromYAML  func(*reader, *item) error
	toYAML    func(*tree, object)

	match []matchKey
	id    string // the property with the resource's own id
	alone bool   // a list of which only the first counts: it is what is stored, whatever its name
	path  string // the collection in the Management API

	load       func(context.Context, *session) ([]*stored, error)
	title      func(object) string // what people call a resource
	dropped    []string            // paths that are not exported
	strip      func(object)        // what else of a resource is not exported
	secrets    func(object) []secret
	unshown    []string // paths whose values no plan shows, though files hold them
	readOnly   []string // paths that are neither compared nor sent
	createOnly []string // paths that are sent in a creation only, and not compared
	fixed      []string // properties that an update cannot change
	replaced   []string // properties whose change needs another resource in place of the stored one
	ordered    bool     // the order of lists means something

	// prepare brings a file's object into the form that is compared; have is nil for a resource that is not stored.
	prepare func(ctx context.Context, s *session, want object, have *stored) error
	// complete fills in from keywords what an export leaves out and a creation needs, and tells what is lacking.
	complete func(s Settings, it *item) []error
	// body makes what is sent of what the file says: names become ids, and what a PATCH would lose is filled in.
	body func(ctx context.Context, r *run, c *Change, body object) error
	// after follows a creation or an update.
	after func(ctx context.Context, r *run, c *Change) error
	// create, update and remove stand in for POST, PATCH and DELETE of the collection.
	create, update, remove func(ctx context.Context, r *run, c *Change) error
}

// secret is a property that files hold as a marker.
type secret struct {
	path, mask string
	// holder is the object in which the path begins, for a secret within a list; nil for the resource. Such a secret is
	// compared with its list.
	holder object
	// written writes the marker though the API does not tell the value.
	written bool
	// required refuses a creation without the value.
	required bool
	// masked hides the value even where secrets are exported, or where it is no secret.
	masked bool
}

// in gives the object of a resource in which the path begins.
func (h secret) in(o object) object {
	if h.holder != nil {
		return h.holder
	}
	return o
}

// kinds gives the types in the order of the YAML file.
func kinds() []*kind {
	return append([]*kind{
		tenantSettings(), clients(), clientGrants(), databases(), connections(), resourceServers(), roles(), organizations(),
		actions(), triggers(), emailProvider(), emailTemplates(), phoneProviders(), phoneTemplates(), branding(), themes(),
		prompts(), pages(), customDomains(), attackProtection(), riskAssessment(), guardianFactors(),
		guardianFactorProviders(), guardianFactorTemplates(), guardianPolicies(), guardianSelectedProvider(),
		guardianMessageTypes(), logStreams(),
	}, unsupported()...)
}

func kindNamed(name string) *kind {
	for _, k := range kinds() {
		if k.name == name {
			return k
		}
	}
	return nil
}

func typeNames() []string {
	var found []string
	for _, k := range kinds() {
		found = append(found, k.name)
	}
	return found
}

// createOne is the POST of a collection.
func createOne(ctx context.Context, r *run, c *Change) error {
	body, err := r.newBody(ctx, c)
	if err != nil {
		return err
	}
	v, err := call(ctx, r.tenant.API, http.MethodPost, c.kind.path, body)
	if err != nil {
		return err
	}
	made, _ := v.(object)
	r.made(c, made)
	return nil
}

// updateOne is the PATCH of a resource, with the properties that differ.
func updateOne(ctx context.Context, r *run, c *Change) error {
	body, err := r.changedBody(ctx, c)
	if err != nil || len(body) == 0 {
		return err
	}
	_, err = call(ctx, r.tenant.API, http.MethodPatch, under(c.kind.path, c.stored.id), body)
	return err
}

// removeOne is the DELETE of a resource.
func removeOne(ctx context.Context, r *run, c *Change) error {
	_, err := call(ctx, r.tenant.API, http.MethodDelete, under(c.kind.path, c.stored.id), nil)
	return err
}
