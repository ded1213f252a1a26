"""Counts of one partition: customers by segment, and moves between segments by day."""
