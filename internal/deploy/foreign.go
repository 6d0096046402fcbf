package deploy

// unsupported are the types that the format has and this server does not. Their files are read, so that a mistake in one is
// found, and reported; nothing is done with them, and an export never writes them.
func unsupported() []*kind {
	found := []*kind{
		{name: "supplementalSignals", single: true, files: oneFile{path: "supplemental-signals.json"}},
		{name: "clientAuthCredentials", files: noFiles{}},
	}
	for _, f := range [][2]string{
		{"rules", "rules"}, {"hooks", "hooks"}, {"rulesConfigs", "rules-configs"}, {"actionModules", "action-modules"},
		{"eventStreams", "event-streams"}, {"networkACLs", "network-acls"}, {"rateLimitPolicies", "rate-limit-policies"},
		{"flows", "flows"}, {"forms", "forms"}, {"flowVaultConnections", "flow-vault-connections"},
		{"selfServiceProfiles", "self-service-profiles"}, {"userAttributeProfiles", "user-attribute-profiles"},
		{"connectionProfiles", "connection-profiles"}, {"tokenExchangeProfiles", "token-exchange-profiles"},
	} {
		found = append(found, &kind{name: f[0], files: manyFiles{dir: f[1]}})
	}
	for _, k := range found {
		k.foreign, k.order = true, 200
	}
	return found
}

// noFiles is a type that exists in the YAML format only.
type noFiles struct{}

func (noFiles) read(*reader, *kind) (*section, error) { return nil, nil }
func (noFiles) write(*section, *kind, *tree)          {}
func (noFiles) owned() []string                       { return nil }
