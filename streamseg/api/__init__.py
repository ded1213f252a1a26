"""The HTTP API, and the webhooks. HTTP libraries are imported only here."""
