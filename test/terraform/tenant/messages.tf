# How messages leave, and what they say.

resource "auth0_email_provider" "smtp" {
  name                 = "smtp"
  enabled              = true
  default_from_address = "login@shop.example.com"

  credentials {
    smtp_host = "localhost"
    smtp_port = 2525
    smtp_user = "shop"
    smtp_pass = "smtp-password"
  }
}

resource "auth0_email_template" "welcome" {
  template                = "welcome_email"
  from                    = "login@shop.example.com"
  subject                 = "Welcome to the shop"
  body                    = "<h1>Welcome, {{ user.name }}!</h1>"
  syntax                  = "liquid"
  result_url              = "${var.shop}/welcome"
  url_lifetime_in_seconds = 3600
  enabled                 = true

  depends_on = [auth0_email_provider.smtp]
}

resource "auth0_email_template" "verify" {
  template                  = "verify_email_by_code"
  from                      = "login@shop.example.com"
  subject                   = "Is this your address?"
  body                      = "<p>Your code is {{ code }}.</p>"
  syntax                    = "liquid"
  url_lifetime_in_seconds   = 600
  enabled                   = true
  include_email_in_redirect = false

  depends_on = [auth0_email_provider.smtp]
}

resource "auth0_phone_provider" "twilio" {
  name     = "twilio"
  disabled = false

  configuration {
    sid              = "AC0123456789"
    default_from     = "+15550100"
    delivery_methods = ["text", "voice"]
  }

  credentials {
    auth_token = "twilio-token"
  }
}

resource "auth0_phone_notification_template" "otp" {
  type     = "otp_verify"
  disabled = false

  content {
    from   = "+15550100"
    syntax = "liquid"

    body {
      text  = "{{ code }} is your code for the shop."
      voice = "Your code for the shop is {{ code }}."
    }
  }

  depends_on = [auth0_phone_provider.twilio]
}
