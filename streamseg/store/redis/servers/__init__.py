"""Reaches Redis: one server, the primary that Sentinels name, or the nodes of a Cluster."""
