package mgmtapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"latchkey/internal/grant"
	"latchkey/internal/resource"
	"latchkey/internal/user"
)

// Device credentials: Auth0 docs, "Management API v2: Device Credentials". They are the refresh tokens of a user's devices,
// and public keys that applications register for their user.

// deviceKeys is the kind of a user's items that are public keys of devices.
const deviceKeys = "device_credential"

// Types of device credentials.
const (
	deviceKey           = "public_key"
	deviceToken         = "refresh_token"
	deviceRotatingToken = "rotating_refresh_token"
)

// What a user's own token may keep (ours).
const (
	mostDeviceKeys = 20
	mostDeviceName = 255  // characters
	mostDeviceKey  = 4096 // characters; a key of RSA with 16384 bits has 3000
)

var (
	errNotOwnDevice = problem{Status: 403, Message: "User to be acted on does not match subject in bearer token."}
	errDeviceTaken  = conflict("A public key already exists for the device.")
)

func (a *api) deviceCredentials() []route {
	return []route{
		{"GET /device-credentials", "Retrieve device credentials", anyOf("read:device_credentials"), listDeviceCredentials},
		{"POST /device-credentials", "Create a device public key credential", anyOf("create:current_user_device_credentials"), createDeviceCredential},
		{"DELETE /device-credentials/{id}", "Delete a device credential", anyOf("delete:device_credentials", "delete:current_user_device_credentials"), deleteDeviceCredential},
	}
}

// listDeviceCredentials lists public keys of a user, or refresh tokens: those where pages are asked for, or nobody is named.
func listDeviceCredentials(r *request) (answer, error) {
	q := r.http.URL.Query()
	paged := q.Has("page") || q.Has("per_page") || q.Has("include_totals")
	switch typ := r.query("type"); {
	case typ == deviceKey || typ == "" && !paged && r.query("user_id") != "":
		return listDeviceKeys(r)
	default:
		return listDeviceTokens(r, typ)
	}
}

func listDeviceTokens(r *request, typ string) (answer, error) {
	p := r.paging(defaultPage)
	f := grant.FamilyFilter{UserID: r.query("user_id"), ClientID: r.query("client_id")}
	if typ != "" {
		rotating := typ == deviceRotatingToken
		f.Rotating = &rotating
	}
	found, total, err := r.Grants.FamiliesAt(r.ctx(), r.tenantID(), f, p.offset(), p.perPage)
	if err != nil {
		return answer{}, err
	}
	items := make([]resource.Document, len(found))
	for i, one := range found {
		items[i] = resource.Document{
			"id": one.ID, "type": deviceToken, "user_id": one.UserID, "client_id": one.ClientID, "device_name": one.First.UserAgent,
		}
		if one.Rotating {
			items[i]["type"] = deviceRotatingToken
		}
	}
	return p.wrap("device_credentials", items, total)
}

func listDeviceKeys(r *request) (answer, error) {
	userID := r.query("user_id")
	if userID == "" {
		return answer{}, problem{Status: 400, Code: "invalid_query_string", Message: "Public keys are listed by their user: user_id is missing."}
	}
	items, err := r.Users.UserItems(r.ctx(), r.tenantID(), userID, deviceKeys)
	if err != nil {
		return answer{}, err
	}
	kept := []resource.Document{}
	for _, i := range items {
		var d resource.Document
		if err := json.Unmarshal(i.Document, &d); err != nil {
			return answer{}, err
		}
		if wanted := r.query("client_id"); wanted != "" && d["client_id"] != wanted {
			continue
		}
		delete(d, "value")
		d["id"], d["type"], d["user_id"] = i.ID, deviceKey, userID
		kept = append(kept, d)
	}
	return slice(r, r.paging(defaultPage), "device_credentials", kept, func(d resource.Document) (resource.Document, error) { return d, nil })
}

// createDeviceCredential registers a public key for the device of the user who calls.
func createDeviceCredential(r *request) (answer, error) {
	d := clone(r.doc())
	clientID := text(d, "client_id")
	if clientID == "" {
		clientID = r.token.ClientID
	}
	if r.token.UserID == "" || clientID != r.token.ClientID {
		return answer{}, errNotOwnDevice
	}
	if err := checkLength(d, "device_name", mostDeviceName); err != nil {
		return answer{}, err
	}
	if err := checkLength(d, "value", mostDeviceKey); err != nil {
		return answer{}, err
	}
	kept := resource.Document{"device_name": d["device_name"], "device_id": d["device_id"], "client_id": clientID, "value": d["value"]}
	document, err := json.Marshal(kept)
	if err != nil {
		return answer{}, err
	}
	// One key for a user, client and device: the id follows from them.
	sum := sha256.Sum256([]byte(r.token.UserID + "\x00" + clientID + "\x00" + text(d, "device_id")))
	item := user.Item{UserID: r.token.UserID, Kind: deviceKeys, ID: "dcr_" + hex.EncodeToString(sum[:12]), Document: document, CreatedAt: r.now()}
	return r.commitUser(func(ctx context.Context) (answer, error) {
		if err := r.Users.LockUser(ctx, r.tenantID(), item.UserID); err != nil {
			return answer{}, err
		}
		there, err := r.Users.UserItems(ctx, r.tenantID(), item.UserID, deviceKeys)
		if err != nil {
			return answer{}, err
		}
		switch {
		case slices.ContainsFunc(there, func(other user.Item) bool { return other.ID == item.ID }):
			return answer{}, errDeviceTaken
		case len(there) >= mostDeviceKeys:
			return answer{}, errItemLimit
		}
		if err := r.Users.PutUserItem(ctx, r.tenantID(), item); err != nil {
			return answer{}, err
		}
		return answer{status: http.StatusCreated, body: resource.Document{"id": item.ID}}, nil
	})
}

// deleteDeviceCredential takes a public key away or revokes a refresh token. What is another user's does not exist for a
// user's own token, and what does not exist is deleted already.
func deleteDeviceCredential(r *request) (answer, error) {
	id := r.path("id")
	mine := func(userID string) bool { return !r.route.scopes.onlyOwn(r.token) || userID == r.token.UserID }
	return r.commitUser(func(ctx context.Context) (answer, error) {
		owners, err := r.Users.UsersWithItem(ctx, r.tenantID(), deviceKeys, id, "", 0, 1)
		if err != nil {
			return answer{}, err
		}
		for _, owner := range owners {
			if !mine(owner.ID) {
				continue
			}
			if _, err := r.Users.DeleteUserItem(ctx, r.tenantID(), owner.ID, deviceKeys, id); err != nil {
				return answer{}, err
			}
		}
		family, err := r.Grants.Family(ctx, r.tenantID(), id)
		switch {
		case errors.Is(err, grant.ErrNotFound):
			return noContent()
		case err != nil:
			return answer{}, err
		case !mine(family.UserID):
			return noContent()
		}
		_, err = r.Grants.Revoke(ctx, r.tenantID(), grant.FamilyFilter{ID: id})
		return answer{status: http.StatusNoContent}, err
	})
}
