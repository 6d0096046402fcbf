# The names under which the tenant knows what can be imported, by the addresses
# it is imported at. The provider imports users without their connection.

output "imports" {
  value = {
    "auth0_client.shop"                     = auth0_client.shop.id
    "auth0_client_credentials.warehouse"    = auth0_client_credentials.warehouse.id
    "auth0_client_grant.warehouse"          = auth0_client_grant.warehouse.id
    "auth0_resource_server.orders"          = auth0_resource_server.orders.id
    "auth0_resource_server_scopes.orders"   = auth0_resource_server_scopes.orders.id
    "auth0_connection.email"                = auth0_connection.email.id
    "auth0_connection_clients.email"        = auth0_connection_clients.email.id
    "auth0_role.staff"                      = auth0_role.staff.id
    "auth0_role_permissions.staff"          = auth0_role_permissions.staff.id
    "auth0_user_roles.ada"                  = auth0_user_roles.ada.id
    "auth0_branding_theme.shop"             = auth0_branding_theme.shop.id
    "auth0_prompt_custom_text.identifier"   = auth0_prompt_custom_text.identifier.id
    "auth0_email_template.welcome"          = auth0_email_template.welcome.id
    "auth0_phone_notification_template.otp" = auth0_phone_notification_template.otp.id
    "auth0_trigger_actions.login"           = auth0_trigger_actions.login.id
    "auth0_log_stream.watch"                = auth0_log_stream.watch.id
    "auth0_tenant.shop"                     = auth0_tenant.shop.id
    "auth0_branding.shop"                   = auth0_branding.shop.id
    "auth0_attack_protection.shop"          = auth0_attack_protection.shop.id
  }
}

# What a program needs to ask for a token.

output "warehouse" {
  sensitive = true
  value = {
    client_id     = auth0_client.warehouse.id
    client_secret = auth0_client_credentials.warehouse.client_secret
    audience      = auth0_resource_server.orders.identifier
  }
}
