"""Offline tools on the log and the store: verify, rebuild and redrive."""
