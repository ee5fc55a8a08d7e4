"""Where provisioning state lies: tables, their migrations, and the store over them."""
