# What is kept out, and what is kept an eye on.

resource "auth0_attack_protection" "shop" {
  brute_force_protection {
    enabled      = true
    max_attempts = 5
    mode         = "count_per_identifier_and_ip"
    shields      = ["block", "user_notification"]
    allowlist    = ["192.0.2.1"]
  }

  suspicious_ip_throttling {
    enabled   = true
    shields   = ["block"]
    allowlist = ["192.0.2.1"]

    pre_login {
      max_attempts = 50
      rate         = 864000
    }

    pre_user_registration {
      max_attempts = 20
      rate         = 1200
    }
  }

  breached_password_detection {
    enabled = true
    method  = "standard"
    shields = ["user_notification"]
  }
}

resource "auth0_guardian" "shop" {
  policy        = "confidence-score"
  otp           = true
  email         = false
  recovery_code = true

  webauthn_roaming {
    enabled           = true
    user_verification = "preferred"
  }

  phone {
    enabled       = true
    message_types = ["sms"]
  }
}

resource "auth0_log_stream" "watch" {
  name   = "Watch"
  type   = "http"
  status = "active"

  filters = [
    { type = "category", name = "auth.login.fail" },
    { type = "category", name = "auth.signup.fail" },
  ]

  sink {
    http_endpoint       = "https://watch.example.com/logs"
    http_content_type   = "application/json"
    http_content_format = "JSONLINES"
    http_authorization  = "Bearer watch"
    http_custom_headers = [{ header = "x-shop", value = "bicycles" }]
  }
}
