"""M1, where providers provision: a module per resource, and the table of routes."""
