"""M5, where a UE's Media Session Handler asks: a module per resource, and the table of routes."""
