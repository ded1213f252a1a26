"""Decodes record values into events, or rejects them with a reason."""
