# How people log in: a code or a link by email, a code by phone, or what they
# had before.

resource "auth0_connection" "email" {
  name     = "shop-email"
  strategy = "email"

  options {
    name                   = "email"
    from                   = "Bicycle Shop <login@shop.example.com>"
    subject                = "Your code for the shop"
    syntax                 = "liquid"
    template               = "<p>Hello, your code is {{ code }}.</p>"
    disable_signup         = false
    brute_force_protection = true
    auth_params = {
      scope         = "openid profile"
      response_type = "code"
    }

    totp {
      time_step = 300
      length    = 6
    }
  }
}

resource "auth0_connection" "sms" {
  name     = "shop-sms"
  strategy = "sms"

  options {
    name                   = "sms"
    from                   = "+15550100"
    syntax                 = "liquid"
    template               = "{{ code }} is your code for the shop."
    twilio_sid             = "AC0123456789"
    twilio_token           = "twilio-token"
    disable_signup         = true
    brute_force_protection = true

    totp {
      time_step = 180
      length    = 6
    }
  }
}

resource "auth0_connection" "accounts" {
  name     = "shop-accounts"
  strategy = "auth0"

  options {
    password_policy        = "good"
    disable_signup         = true
    requires_username      = false
    brute_force_protection = true

    password_history {
      enable = true
      size   = 3
    }

    password_no_personal_info {
      enable = true
    }

    password_complexity_options {
      min_length = 12
    }
  }
}

resource "auth0_connection_clients" "email" {
  connection_id   = auth0_connection.email.id
  enabled_clients = [auth0_client.shop.id, auth0_client.app.id]
}

resource "auth0_connection_clients" "sms" {
  connection_id   = auth0_connection.sms.id
  enabled_clients = [auth0_client.app.id]
}

resource "auth0_connection_clients" "accounts" {
  connection_id   = auth0_connection.accounts.id
  enabled_clients = [auth0_client.shop.id]
}
