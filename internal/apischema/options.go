package apischema

import "sync"

// options describes the options of the connections we have, by strategy. The
// bodies of connections leave them open, since what an option may hold depends
// on a strategy that an update does not name. Members that are not listed are
// accepted. Lengths are those of Auth0's document for each strategy; nothing is
// required, as the service requires nothing (recorded).
var options = sync.OnceValue(func() map[string]*schema {
	compiled := map[string]*schema{}
	for strategy, members := range map[string]object{"email": emailOptions(), "sms": smsOptions(), "auth0": databaseOptions()} {
		d := &document{parts: object{}, defs: object{}}
		s, err := d.compile(object{"properties": object{"options": object{
			"type": []any{"object", "null"}, "properties": members,
		}}})
		if err != nil {
			panic("apischema: options of " + strategy + ": " + err.Error())
		}
		compiled[strategy] = s
	}
	return compiled
})

// Options checks the options of a connection of a strategy. Strategies that
// are not built here have nothing checked. The error is an *Error whose
// property begins with "options".
func Options(strategy string, v any) error {
	s, ok := options()[strategy]
	if !ok {
		return nil
	}
	return s.check(object{"options": v}, nil, "options")
}

// between is a string of so many characters.
func between(shortest, longest int) object {
	return object{"type": "string", "minLength": float64(shortest), "maxLength": float64(longest)}
}

// passwordless are the options that e-mail and SMS share.
func passwordless() object {
	return object{
		"totp": object{"type": "object", "properties": object{
			"length":    object{"type": "integer", "minimum": 4.0, "maximum": 40.0},
			"time_step": object{"type": "integer", "minimum": 60.0},
		}},
		"brute_force_protection": truth(),
		"disable_signup":         truth(),
		// A JSON text in the document; SDKs send and get back the object itself.
		"authParams":  object{"type": []any{"string", "object"}, "maxLength": 1024.0},
		"auth_params": object{"type": "object"},
	}
}

func emailOptions() object {
	o := passwordless()
	o["name"] = between(3, 128)
	o["email"] = object{"type": "object", "properties": object{
		"from":    between(1, 1024),
		"subject": between(1, 1024),
		"body":    between(1, 20480),
		"syntax":  object{"type": "string", "enum": []any{"liquid", "md_with_macros"}},
	}}
	return o
}

func smsOptions() object {
	o := passwordless()
	o["name"] = between(1, 255)
	o["provider"] = object{"type": "string", "enum": []any{"sms_gateway", "twilio"}}
	// The forms of Twilio's identifiers are documented and not enforced: "ABC123"
	// and short tokens were accepted.
	o["twilio_sid"] = orNull("string")
	o["twilio_token"] = orNull("string")
	o["messaging_service_sid"] = orNull("string")
	o["from"] = object{"type": []any{"string", "null"}, "maxLength": 128.0}
	o["template"] = between(1, 5120)
	o["syntax"] = object{"type": "string", "enum": []any{"liquid", "md_with_macros"}}
	// http is documented as a fallback of old gateways.
	o["gateway_url"] = object{"type": "string", "minLength": 8.0, "maxLength": 255.0, "pattern": "^https?:\\/\\/.*"}
	o["gateway_authentication"] = object{
		"type": []any{"object", "null"}, "required": []any{"method", "audience", "secret"}, "properties": object{
			"method": between(1, 20), "audience": between(1, 128), "subject": between(1, 64), "secret": between(1, 5120),
			"secret_base64_encoded": truth(),
		},
	}
	// The documents' own sample has the text "true" (Auth0 docs, "Set Up Custom
	// SMS Gateway for Passwordless Connections").
	o["forward_req_info"] = object{"type": []any{"boolean", "string"}, "enum": []any{true, false, "true", "false"}}
	return o
}

// databaseOptions are those that the bodies of connections do not describe
// themselves.
func databaseOptions() object {
	return object{
		"brute_force_protection": truth(),
		"disable_signup":         truth(),
		"requires_username":      truth(),
		"realm_fallback":         truth(),
		"strategy_version":       object{"type": "integer"},
		"mfa": object{"type": "object", "properties": object{
			"active": truth(), "return_enroll_settings": truth(),
		}},
		"custom_password_hash": object{"type": []any{"object", "null"}, "properties": object{"action_id": texts()}},
		"precedence":           object{"type": "array", "minItems": 3.0, "maxItems": 3.0, "uniqueItems": true},
	}
}
