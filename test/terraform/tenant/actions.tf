# What happens at a login.

resource "auth0_action" "language" {
  name    = "Put the language into tokens"
  runtime = "node22"
  deploy  = true

  code = <<-JS
    exports.onExecutePostLogin = async (event, api) => {
      api.idToken.setCustomClaim("https://shop.example.com/language", event.user.user_metadata.language);
    };
  JS

  supported_triggers {
    id      = "post-login"
    version = "v3"
  }

  dependencies {
    name    = "lodash"
    version = "4.17.21"
  }

  secrets {
    name  = "KEY"
    value = "not for tokens"
  }
}

resource "auth0_trigger_actions" "login" {
  trigger = "post-login"

  actions {
    id           = auth0_action.language.id
    display_name = auth0_action.language.name
  }
}
