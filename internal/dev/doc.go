// Package dev is development mode: everything on one machine, from nothing, in seconds. It keeps a certificate authority
// of its own, a master keyset and the data in one folder, makes a sample tenant with sample applications, and opens an
// inbox that shows the codes and a sample application beside the server itself.
//
// It is never for production: its keys lie unprotected in a folder, its sample clients accept every loopback address, its
// inbox shows live codes to whoever can reach loopback.
//
// What scripts and tests need to find all this is in dev.json, written into the folder once everything accepts
// connections. The values survive a restart with the same folder.
package dev
