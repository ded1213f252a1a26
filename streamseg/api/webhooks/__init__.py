"""Membership changes sent to subscribers."""
