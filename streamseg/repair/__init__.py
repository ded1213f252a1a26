"""Offline tools on the log and the store: verify, rebuild, redrive."""
