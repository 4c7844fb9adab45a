"""What every object must keep to: schema and CEL in one table per kind, and what runs them."""
