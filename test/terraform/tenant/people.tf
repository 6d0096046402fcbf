# Who does what.

resource "auth0_role" "customer" {
  name        = "Customer"
  description = "Buys"
}

resource "auth0_role" "staff" {
  name        = "Staff"
  description = "Sells and ships"
}

resource "auth0_role_permissions" "customer" {
  role_id = auth0_role.customer.id

  permissions {
    name                       = "create:orders"
    resource_server_identifier = auth0_resource_server.orders.identifier
  }

  depends_on = [auth0_resource_server_scopes.orders]
}

resource "auth0_role_permissions" "staff" {
  role_id = auth0_role.staff.id

  dynamic "permissions" {
    for_each = ["read:orders", "ship:orders"]
    content {
      name                       = permissions.value
      resource_server_identifier = auth0_resource_server.orders.identifier
    }
  }

  depends_on = [auth0_resource_server_scopes.orders]
}

resource "auth0_user" "ada" {
  connection_name = auth0_connection.email.name
  email           = "ada@shop.example.com"
  email_verified  = true
  name            = "Ada"
  picture         = "${var.shop}/ada.png"
  user_metadata   = jsonencode({ language = "en" })
  app_metadata    = jsonencode({ counter = 3 })

  depends_on = [auth0_connection_clients.email]
}

resource "auth0_user_roles" "ada" {
  user_id = auth0_user.ada.id
  roles   = [auth0_role.staff.id]
}

# One permission more than her role gives her.
resource "auth0_user_permission" "ada" {
  user_id                    = auth0_user.ada.id
  permission                 = "create:orders"
  resource_server_identifier = auth0_resource_server.orders.identifier

  depends_on = [auth0_resource_server_scopes.orders]
}
