# The tenant of a bicycle shop, as its people would keep it in Terraform:
# passwordless login to a shop in the browser and an app on the phone, an API
# with roles, a program of the warehouse, and everything a customer sees in the
# shop's own colours and words.
#
# The provider finds the tenant and its own client in the environment:
# AUTH0_DOMAIN, AUTH0_CLIENT_ID, AUTH0_CLIENT_SECRET.

terraform {
  required_providers {
    auth0 = {
      source = "auth0/auth0"
    }
  }
}

provider "auth0" {}

variable "shop" {
  description = "Where the shop is"
  default     = "https://shop.example.com"
}

resource "auth0_tenant" "shop" {
  friendly_name           = "Bicycle Shop"
  picture_url             = "${var.shop}/logo.png"
  support_email           = "help@shop.example.com"
  support_url             = "${var.shop}/help"
  default_redirection_uri = "${var.shop}/login"
  allowed_logout_urls     = [var.shop]
  enabled_locales         = ["en", "de", "fr"]

  session_lifetime      = 720
  idle_session_lifetime = 168

  flags {
    enable_client_connections              = false
    enable_public_signup_user_exists_error = false
    revoke_refresh_token_grant             = false
  }

  session_cookie {
    mode = "persistent"
  }

  sessions {
    oidc_logout_prompt_enabled = true
  }

  error_page {
    html          = "<html><body>Something broke.</body></html>"
    show_log_link = false
    url           = "${var.shop}/error"
  }
}
