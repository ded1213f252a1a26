"""Decides and encodes memberships: settling, membership strings, membership changes."""
