package mgmtapi

import (
	"strconv"
	"strings"

	"latchkey/internal/ident"
	"latchkey/internal/lucene"
	"latchkey/internal/resource"
)

// customDomains: Auth0 docs, "Custom Domains". A domain asked for here waits to be verified; the operator makes the server
// answer on it.
var customDomains = &collection{
	kind: "custom_domains", plural: "custom_domains", idName: "custom_domain_id",
	newID:      func() string { return ident.Prefixed("cd", 16) },
	key:        func(d resource.Document) string { return text(d, "domain") },
	missing:    notFoundError("inexistent_custom_domain", "The custom domain {id} does not exist"),
	taken:      conflict("Custom domain already exists."),
	idempotent: true,
	byKey:      []string{"domain_metadata"},
	prepare:    prepareCustomDomain,
	present: func(_ *request, stored *resource.Resource, shown resource.Document) {
		shown["created_at"] = stamp(stored.CreatedAt)
	},
}

func (a *api) customDomains() []route {
	return []route{
		{"GET /custom-domains", "Get custom domains configurations", anyOf("read:custom_domains"), listCustomDomains},
		{"POST /custom-domains", "Configure a new custom domain", anyOf("create:custom_domains"), customDomains.create},
		{"GET /custom-domains/default", "Get the default domain", anyOf("read:custom_domains"), defaultDomain},
		{"PATCH /custom-domains/default", "Update the default custom domain for the tenant", anyOf("update:custom_domains"), setDefaultDomain},
		{"GET /custom-domains/{id}", "Get custom domain configuration", anyOf("read:custom_domains"), withID(customDomains.get)},
		{"PATCH /custom-domains/{id}", "Update custom domain configuration", anyOf("update:custom_domains"), withID(customDomains.update)},
		{"DELETE /custom-domains/{id}", "Delete custom domain configuration", anyOf("delete:custom_domains"), customDomains.remove},
		{"POST /custom-domains/{id}/test", "Test a custom domain", anyOf("read:custom_domains"), withID(testCustomDomain)},
		{"POST /custom-domains/{id}/verify", "Verify a custom domain", anyOf("create:custom_domains"), withID(verifyCustomDomain)},
	}
}

// prepareCustomDomain gives a new domain its state and the record by which it would be verified.
func prepareCustomDomain(_ *request, d resource.Document) error {
	domain := strings.ToLower(text(d, "domain"))
	delete(d, "verification_method")
	if d["type"] == "self_managed_certs" { // whoever ends TLS there has the say in it
		defaults(d, resource.Document{"custom_client_ip_header": nil})
	} else {
		defaults(d, resource.Document{"tls_policy": "recommended"})
	}
	d["domain"], d["primary"], d["is_default"], d["status"] = domain, false, false, "pending_verification"
	d["verification"] = resource.Document{
		"status":  "pending",
		"methods": []any{resource.Document{"name": "txt", "record": ident.UUID(), "domain": "_cf-custom-hostname." + domain}},
	}
	return nil
}

// domainSearch finds domains by their members (Auth0 docs: q "supports Lucene query syntax").
var domainSearch = lucene.Matcher{Bare: []string{"domain"}}

// listCustomDomains is bare, or paged when the call has a page in mind.
func listCustomDomains(r *request) (answer, error) {
	all, err := r.everyResource(r.ctx(), customDomains.kind)
	if err != nil {
		return answer{}, err
	}
	var condition lucene.Node = lucene.All{}
	if q := r.query("q"); q != "" {
		if condition, err = lucene.Parse(q); err != nil {
			return answer{}, err
		}
	}
	found := []resource.Document{}
	for _, stored := range all {
		shown, err := customDomains.show(r, stored)
		if err != nil {
			return answer{}, err
		}
		if domainSearch.Match(condition, func(field string) []string { return valuesOf(shown, field) }) {
			found = append(found, shown)
		}
	}
	if r.query("take") == "" && r.query("from") == "" {
		return ok(found)
	}
	return behind(r, customDomains.plural, found, itself)
}

// valuesOf gives the values of a member as a search compares them; a dot leads into an object.
func valuesOf(d resource.Document, field string) []string {
	holder, name := reach(d, field)
	switch v := holder[name].(type) {
	case string:
		return []string{v}
	case bool:
		return []string{strconv.FormatBool(v)}
	}
	return nil
}

// defaultDomain is the tenant's own: no other one is ever verified.
func defaultDomain(r *request) (answer, error) {
	return ok(resource.Document{"domain": r.ownDomain()})
}

// ownDomain is the tenant's canonical domain.
func (r *request) ownDomain() string {
	issuer := strings.TrimPrefix(strings.TrimPrefix(r.site.Tenant.Domain.Issuer, "https://"), "http://")
	return strings.TrimSuffix(issuer, "/")
}

func setDefaultDomain(r *request) (answer, error) {
	if text(r.doc(), "domain") != r.ownDomain() {
		return answer{}, invalidBody("The domain must be verified before it can be set as default.")
	}
	return defaultDomain(r)
}

// verifyCustomDomain answers with the domain as it is: nothing here looks at its records.
func verifyCustomDomain(r *request) (answer, error) {
	a, err := customDomains.get(r)
	if shown, found := a.body.(resource.Document); found {
		delete(shown, "is_default")
	}
	return a, err
}

func testCustomDomain(r *request) (answer, error) {
	if _, err := customDomains.find(r, r.ctx(), r.path("id")); err != nil {
		return answer{}, err
	}
	return ok(resource.Document{"success": false, "message": "The custom domain is not verified."})
}
