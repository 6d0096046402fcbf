# Who may ask for tokens.

resource "auth0_client" "shop" {
  name                = "Shop"
  description         = "The shop in the browser"
  app_type            = "spa"
  oidc_conformant     = true
  logo_uri            = "${var.shop}/logo.png"
  initiate_login_uri  = "${var.shop}/login"
  callbacks           = ["${var.shop}/callback"]
  allowed_logout_urls = [var.shop]
  web_origins         = [var.shop]
  grant_types         = ["authorization_code", "refresh_token"]

  client_metadata = {
    team = "storefront"
  }

  jwt_configuration {
    alg                 = "RS256"
    lifetime_in_seconds = 36000
  }

  refresh_token {
    rotation_type                = "rotating"
    expiration_type              = "expiring"
    leeway                       = 10
    token_lifetime               = 2592000
    idle_token_lifetime          = 1296000
    infinite_token_lifetime      = false
    infinite_idle_token_lifetime = false
  }
}

resource "auth0_client" "app" {
  name            = "Shop on the phone"
  app_type        = "native"
  oidc_conformant = true
  callbacks       = ["com.example.shop://callback"]
  grant_types     = ["authorization_code", "refresh_token", "http://auth0.com/oauth/grant-type/passwordless/otp"]

  mobile {
    ios {
      team_id               = "9JA89QQLNQ"
      app_bundle_identifier = "com.example.shop"
    }
  }
}

resource "auth0_client" "warehouse" {
  name            = "Warehouse"
  app_type        = "non_interactive"
  oidc_conformant = true
  grant_types     = ["client_credentials"]
}

resource "auth0_client" "accounting" {
  name            = "Accounting"
  app_type        = "non_interactive"
  oidc_conformant = true
  grant_types     = ["client_credentials"]

  jwt_configuration {
    alg = "RS256"
  }
}

# The shop has no secret to keep; the warehouse sends one; accounting signs.

resource "auth0_client_credentials" "shop" {
  client_id             = auth0_client.shop.id
  authentication_method = "none"
}

resource "auth0_client_credentials" "warehouse" {
  client_id             = auth0_client.warehouse.id
  authentication_method = "client_secret_post"
}

resource "auth0_client_credentials" "accounting" {
  client_id             = auth0_client.accounting.id
  authentication_method = "private_key_jwt"

  private_key_jwt {
    credentials {
      name            = "This year's key"
      credential_type = "public_key"
      algorithm       = "RS256"
      pem             = file("${path.module}/accounting.pem")
    }
  }
}

# What they ask tokens for.

resource "auth0_resource_server" "orders" {
  identifier                                      = "https://orders.example.com/"
  name                                            = "Orders"
  signing_alg                                     = "RS256"
  token_lifetime                                  = 3600
  token_lifetime_for_web                          = 1800
  allow_offline_access                            = true
  skip_consent_for_verifiable_first_party_clients = true
  enforce_policies                                = true
  token_dialect                                   = "access_token_authz"
}

resource "auth0_resource_server_scopes" "orders" {
  resource_server_identifier = auth0_resource_server.orders.identifier

  scopes {
    name        = "read:orders"
    description = "See orders"
  }
  scopes {
    name        = "create:orders"
    description = "Place orders"
  }
  scopes {
    name        = "ship:orders"
    description = "Send orders out"
  }
}

resource "auth0_client_grant" "warehouse" {
  client_id = auth0_client.warehouse.id
  audience  = auth0_resource_server.orders.identifier
  scopes    = ["read:orders", "ship:orders"]

  depends_on = [auth0_resource_server_scopes.orders]
}

resource "auth0_client_grant" "accounting" {
  client_id = auth0_client.accounting.id
  audience  = auth0_resource_server.orders.identifier
  scopes    = ["read:orders"]

  depends_on = [auth0_resource_server_scopes.orders]
}
