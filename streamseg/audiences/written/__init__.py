"""How people write audiences: the tables of a rule, and texts in TOML, YAML and JSON with the lines of their values."""
