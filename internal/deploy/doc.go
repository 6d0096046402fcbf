// Package deploy keeps a tenant's configuration as files: it exports a tenant into them, plans what they would change, and
// applies them.
//
// The files are those of Auth0's deploy CLI (https://auth0.com/docs/deploy-monitor/deploy-cli-tool), in both of its
// formats: a directory of JSON files, or one YAML file with side files for pages, messages and code. What one format says
// can be written in the other without a difference, and two exports of an unchanged tenant are equal byte for byte.
//
// The tenant is known only through the Management API (API), over HTTP (Dial) or in the process (Handler), so files can
// say exactly what a program could, and are refused with the same words. Everything is compared and shown in the form of
// the files: names stand for ids, and a property that a file does not mention is left alone. After an export, applying
// the same files plans nothing.
//
// A Configuration is what files or a tenant say. Read and Write are its way from and to files, Export its way from a
// tenant; NewPlan compares one with a tenant, and Plan.Apply carries the plan out.
package deploy
