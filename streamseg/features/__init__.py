"""Keeps one row of commuting sums per customer, and computes feature vectors from it on demand."""
