# What people see.

resource "auth0_branding" "shop" {
  logo_url    = "${var.shop}/logo.png"
  favicon_url = "${var.shop}/favicon.ico"

  colors {
    primary         = "#0a6847"
    page_background = "#f6e9b2"
  }
}

resource "auth0_branding_theme" "shop" {
  display_name = "Shop"

  borders {
    buttons_style        = "pill"
    button_border_radius = 9
    inputs_style         = "rounded"
  }

  colors {
    primary_button = "#0a6847"
    body_text      = "#1e212a"
    error          = "#d03c38"
  }

  fonts {
    reference_text_size = 16
    title { size = 150 }
    subtitle {}
    links {}
    input_labels {}
    buttons_text {}
    body_text {}
  }

  page_background {
    background_color = "#f6e9b2"
    page_layout      = "center"
  }

  widget {
    logo_height           = 52
    logo_position         = "center"
    header_text_alignment = "center"
  }
}

resource "auth0_prompt" "shop" {
  universal_login_experience     = "new"
  identifier_first               = true
  webauthn_platform_first_factor = false
}

resource "auth0_prompt_custom_text" "identifier" {
  prompt   = "login-id"
  language = "en"
  body = jsonencode({
    "login-id" = {
      title       = "Come in"
      description = "with your address or your phone"
    }
  })
}

resource "auth0_prompt_screen_partials" "code" {
  prompt_type = "login-passwordless"

  screen_partials {
    screen_name = "login-passwordless-email-code"
    insertion_points {
      form_content_end = "<p>Look into your spam folder too.</p>"
    }
  }
}

resource "auth0_pages" "shop" {
  login {
    enabled = false
    html    = "<html><body>Log in</body></html>"
  }

  change_password {
    enabled = false
    html    = "<html><body>Change your password</body></html>"
  }

  guardian_mfa {
    enabled = false
    html    = "<html><body>One more thing</body></html>"
  }
}
