"""Reads that several routes share: memberships, and the segment catalogue."""
