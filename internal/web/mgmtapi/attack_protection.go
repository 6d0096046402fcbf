package mgmtapi

import "latchkey/internal/resource"

// The objects of Auth0 docs, "Attack Protection", with the defaults of a fresh tenant. A PATCH changes what it names, in
// objects too.
var (
	bruteForceProtection = &settings{
		id: "brute_force_protection", deep: true,
		absent: resource.Document{
			"enabled": true, "shields": []any{"block", "user_notification"}, "mode": "count_per_identifier_and_ip",
			"allowlist": []any{}, "max_attempts": 10.0,
		},
	}
	suspiciousIPThrottling = &settings{
		id: "suspicious_ip_throttling", deep: true,
		absent: resource.Document{
			"enabled": true, "shields": []any{"admin_notification", "block"}, "allowlist": []any{},
			"stage": resource.Document{
				"pre-login":                 resource.Document{"max_attempts": 100.0, "rate": 864000.0},
				"pre-user-registration":     resource.Document{"max_attempts": 50.0, "rate": 1200.0},
				"pre-custom-token-exchange": resource.Document{"max_attempts": 10.0, "rate": 600000.0},
			},
		},
	}
	breachedPasswordDetection = &settings{
		id: "breached_password_detection", deep: true,
		absent: resource.Document{
			"enabled": false, "shields": []any{}, "admin_notification_frequency": []any{}, "method": "standard",
			"stage": resource.Document{
				"pre-user-registration": resource.Document{"shields": []any{}},
				"pre-change-password":   resource.Document{"shields": []any{}},
			},
		},
	}
	botDetection = &settings{
		id: "bot_detection", deep: true,
		absent: resource.Document{
			"bot_detection_level": "medium", "challenge_password_policy": "never", "challenge_passwordless_policy": "never",
			"challenge_password_reset_policy": "never", "allowlist": []any{}, "monitoring_mode_enabled": false,
		},
	}
	captcha = &settings{
		id: "captcha", deep: true,
		absent: resource.Document{
			"active_provider_id": "auth_challenge", "simple_captcha": resource.Document{},
			"auth_challenge":       resource.Document{"fail_open": false},
			"recaptcha_v2":         resource.Document{"site_key": ""},
			"recaptcha_enterprise": resource.Document{"site_key": "", "project_id": ""},
			"hcaptcha":             resource.Document{"site_key": ""}, "friendly_captcha": resource.Document{"site_key": ""},
			"arkose": resource.Document{
				"site_key": "", "client_subdomain": "client-api", "verify_subdomain": "verify-api", "fail_open": false,
			},
		},
		secrets: []string{
			"arkose.secret", "friendly_captcha.secret", "hcaptcha.secret", "recaptcha_v2.secret", "recaptcha_enterprise.api_key",
		},
	}
	phoneProviderProtection = &settings{id: "phone_provider_protection", absent: resource.Document{"type": "none"}}
)

func (a *api) attackProtection() []route {
	return []route{
		{"GET /attack-protection/brute-force-protection", "Get Brute-force settings", anyOf("read:attack_protection"), bruteForceProtection.get},
		{"PATCH /attack-protection/brute-force-protection", "Update Brute-force settings", anyOf("update:attack_protection"), bruteForceProtection.update},
		{"GET /attack-protection/suspicious-ip-throttling", "Get Suspicious IP Throttling settings", anyOf("read:attack_protection"), suspiciousIPThrottling.get},
		{"PATCH /attack-protection/suspicious-ip-throttling", "Update Suspicious IP Throttling settings", anyOf("update:attack_protection"), suspiciousIPThrottling.update},
		{"GET /attack-protection/breached-password-detection", "Get Breached Password Detection settings", anyOf("read:attack_protection"), breachedPasswordDetection.get},
		{"PATCH /attack-protection/breached-password-detection", "Update Breached Password Detection settings", anyOf("update:attack_protection"), breachedPasswordDetection.update},
		{"GET /attack-protection/bot-detection", "Get Bot Detection settings", anyOf("read:attack_protection"), botDetection.get},
		{"PATCH /attack-protection/bot-detection", "Update Bot Detection settings", anyOf("update:attack_protection"), botDetection.update},
		{"GET /attack-protection/captcha", "Get CAPTCHA settings", anyOf("read:attack_protection"), captcha.get},
		{"PATCH /attack-protection/captcha", "Update CAPTCHA settings", anyOf("update:attack_protection"), captcha.update},
		{"GET /attack-protection/phone-provider-protection", "Get Phone Provider Protection settings", anyOf("read:attack_protection"), phoneProviderProtection.get},
		{"PATCH /attack-protection/phone-provider-protection", "Update Phone Provider Protection settings", anyOf("update:attack_protection"), phoneProviderProtection.update},
	}
}

// riskAssessments and newDevice: Auth0 docs, "Adaptive MFA", the assessors' settings.
var (
	riskAssessments = &settings{id: "risk_assessments", absent: resource.Document{"enabled": false}}
	newDevice       = &settings{id: "risk_assessments_new_device", absent: resource.Document{"remember_for": 30.0}}
)

func (a *api) risk() []route {
	return []route{
		{"GET /risk-assessments/settings", "Get risk assessment settings", anyOf("read:attack_protection"), riskAssessments.get},
		{"PATCH /risk-assessments/settings", "Update risk assessment settings", anyOf("update:attack_protection"), riskAssessments.update},
		{"GET /risk-assessments/settings/new-device", "Get new device assessor", anyOf("read:attack_protection"), newDevice.get},
		{"PATCH /risk-assessments/settings/new-device", "Update new device assessor", anyOf("update:attack_protection"), newDevice.update},
	}
}
