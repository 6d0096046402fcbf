package mgmtapi

import (
	"net/http"

	"latchkey/internal/resource"
)

// Guardian: Auth0 docs, "Multi-Factor Authentication". Settings of factors are kept; enrollments come with the factors
// themselves.

// factorNames are the factors, in the order in which answers have them.
var factorNames = []string{
	"sms", "push-notification", "otp", "email", "duo", "webauthn-roaming", "webauthn-platform", "recovery-code",
}

var (
	// factors holds which factors are on, by their names.
	factors = &settings{id: "guardian_factors"}
	// mfaPolicies holds the list of policies, which the API shows bare.
	mfaPolicies = &settings{id: "guardian_policies", absent: resource.Document{"policies": []any{}}}

	phoneMessageTypes = &settings{id: "guardian_phone_message_types", absent: resource.Document{"message_types": []any{}}}
	phoneFactor       = &settings{id: "guardian_phone_provider", absent: resource.Document{"provider": "auth0"}}
	phoneTwilio       = &settings{id: "guardian_phone_twilio", secrets: []string{"auth_token"}}
	phoneFactorTexts  = &settings{id: "guardian_phone_templates"}

	pushFactor = &settings{id: "guardian_push_provider", absent: resource.Document{"provider": "guardian"}}
	pushSNS    = &settings{id: "guardian_push_sns", secrets: []string{"aws_secret_access_key"}}
	pushAPNS   = &settings{id: "guardian_push_apns", secrets: []string{"p12"}, present: presentAPNS}
	pushFCM    = &settings{id: "guardian_push_fcm", secrets: []string{"server_key"}}
	pushFCMv1  = &settings{id: "guardian_push_fcmv1", secrets: []string{"server_credentials"}}

	// duo shows its key to those who may read it: tools compare it with what they are to set.
	duo               = &settings{id: "guardian_duo", secrets: []string{"skey"}, reveal: true}
	webAuthnRoaming   = &settings{id: "guardian_webauthn_roaming", absent: resource.Document{"userVerification": "preferred", "overrideRelyingParty": false}}
	webAuthnPlatform  = &settings{id: "guardian_webauthn_platform", absent: resource.Document{"overrideRelyingParty": false}}
	errNoEnrollment   = notFoundError("enrollment_not_found", "Enrollment not found")
	readFactors       = anyOf("read:guardian_factors")
	updateFactors     = anyOf("update:guardian_factors")
	phoneFactorRoutes = []string{"sms", "phone"} // the older name and the newer one of one factor
)

func (a *api) guardian() []route {
	all := []route{
		{"GET /guardian/factors", "Retrieve Factors and their Status", readFactors, listFactors},
		{"PUT /guardian/factors/{name}", "Update a Multi-factor Authentication Factor", updateFactors, putFactor},
		{"GET /guardian/policies", "Get the Multi-factor Authentication policies", anyOf("read:mfa_policies"), getPolicies},
		{"PUT /guardian/policies", "Set the Multi-factor Authentication policies", anyOf("update:mfa_policies"), putPolicies},
		{"GET /guardian/factors/phone/message-types", "Retrieve the Enabled Phone Factors", readFactors, phoneMessageTypes.get},
		{"PUT /guardian/factors/phone/message-types", "Update the Enabled Phone Factors", updateFactors, phoneMessageTypes.replace},
		{"GET /guardian/factors/push-notification/selected-provider", "Retrieve Push Notification Provider", readFactors, pushFactor.get},
		{"PUT /guardian/factors/push-notification/selected-provider", "Update Push Notification Provider", updateFactors, pushFactor.replace},
		{"GET /guardian/factors/push-notification/providers/sns", "Retrieve AWS SNS configuration", readFactors, pushSNS.get},
		{"PUT /guardian/factors/push-notification/providers/sns", "Update AWS SNS configuration", updateFactors, pushSNS.replace},
		{"PATCH /guardian/factors/push-notification/providers/sns", "Update AWS SNS configuration", updateFactors, pushSNS.update},
		{"GET /guardian/factors/push-notification/providers/apns", "Retrieve APNS configuration", readFactors, pushAPNS.get},
		{"PUT /guardian/factors/push-notification/providers/apns", "Update APNS configuration", updateFactors, pushAPNS.replace},
		{"PATCH /guardian/factors/push-notification/providers/apns", "Update APNS configuration", updateFactors, pushAPNS.update},
		{"PUT /guardian/factors/push-notification/providers/fcm", "Update FCM configuration", updateFactors, pushFCM.replace},
		{"PATCH /guardian/factors/push-notification/providers/fcm", "Update FCM configuration", updateFactors, pushFCM.update},
		{"PUT /guardian/factors/push-notification/providers/fcmv1", "Update FCMV1 configuration", updateFactors, pushFCMv1.replace},
		{"PATCH /guardian/factors/push-notification/providers/fcmv1", "Update FCMV1 configuration", updateFactors, pushFCMv1.update},
		{"GET /guardian/factors/duo/settings", "Retrieve DUO configuration", readFactors, disclosing(duo.get)},
		{"PUT /guardian/factors/duo/settings", "Set the DUO configuration", updateFactors, duo.replace},
		{"PATCH /guardian/factors/duo/settings", "Update the DUO configuration", updateFactors, duo.update},
		{"GET /guardian/factors/webauthn-roaming/settings", "Retrieve WebAuthn roaming settings", readFactors, webAuthnRoaming.get},
		{"PUT /guardian/factors/webauthn-roaming/settings", "Update WebAuthn roaming settings", updateFactors, webAuthnRoaming.replace},
		{"GET /guardian/factors/webauthn-platform/settings", "Retrieve WebAuthn platform settings", readFactors, webAuthnPlatform.get},
		{"PUT /guardian/factors/webauthn-platform/settings", "Update WebAuthn platform settings", updateFactors, webAuthnPlatform.replace},
		{"POST /guardian/enrollments/ticket", "Create a multi-factor authentication enrollment ticket", anyOf("create:guardian_enrollment_tickets"), createEnrollmentTicket},
		{"GET /guardian/enrollments/{id}", "Retrieve a multi-factor authentication enrollment", anyOf("read:guardian_enrollments"), noEnrollment},
		{"DELETE /guardian/enrollments/{id}", "Delete a multi-factor authentication enrollment", anyOf("delete:guardian_enrollments"), noEnrollment},
	}
	for _, name := range phoneFactorRoutes {
		path := "/guardian/factors/" + name
		all = append(all,
			route{"GET " + path + "/selected-provider", "Retrieve phone configuration", readFactors, phoneFactor.get},
			route{"PUT " + path + "/selected-provider", "Update phone configuration", updateFactors, phoneFactor.replace},
			route{"GET " + path + "/providers/twilio", "Retrieve Twilio configuration", readFactors, phoneTwilio.get},
			route{"PUT " + path + "/providers/twilio", "Update Twilio configuration", updateFactors, phoneTwilio.replace},
			route{"GET " + path + "/templates", "Retrieve Enrollment and Verification Phone Templates", readFactors, phoneFactorTexts.get},
			route{"PUT " + path + "/templates", "Update Enrollment and Verification Phone Templates", updateFactors, phoneFactorTexts.replace},
		)
	}
	return all
}

// presentAPNS tells a reader that there is a certificate, which is not shown.
func presentAPNS(r *request, stored *resource.Resource, shown resource.Document) {
	if r.http.Method == http.MethodGet && len(stored.Sealed) > 0 {
		shown["enabled"] = true
	}
}

func listFactors(r *request) (answer, error) {
	stored, err := factors.read(r, r.ctx())
	if err != nil {
		return answer{}, err
	}
	all := make([]resource.Document, len(factorNames))
	for i, name := range factorNames {
		all[i] = resource.Document{"name": name, "enabled": stored.Document[name] == true, "trial_expired": false}
	}
	return ok(all)
}

func putFactor(r *request) (answer, error) {
	a, err := factors.write(r, func(_, after *resource.Resource) error {
		after.Document[r.path("name")] = r.doc()["enabled"]
		return nil
	})
	a.body = resource.Document{"enabled": r.doc()["enabled"]}
	return a, err
}

func getPolicies(r *request) (answer, error) {
	stored, err := mfaPolicies.read(r, r.ctx())
	if err != nil {
		return answer{}, err
	}
	return ok(mfaPolicies.show(r, stored)["policies"])
}

func putPolicies(r *request) (answer, error) {
	a, err := mfaPolicies.write(r, func(_, after *resource.Resource) error {
		after.Document = resource.Document{"policies": r.body}
		return nil
	})
	a.body = r.body
	return a, err
}

// createEnrollmentTicket refuses: there is no factor yet that a ticket could lead to.
func createEnrollmentTicket(r *request) (answer, error) {
	_, err := r.Users.User(r.ctx(), r.tenantID(), text(r.doc(), "user_id"))
	if err != nil {
		return answer{}, err
	}
	return answer{}, notBuilt("multi-factor authentication")
}

func noEnrollment(*request) (answer, error) { return answer{}, errNoEnrollment }
