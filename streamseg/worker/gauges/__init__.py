"""Gauges of a worker: its partitions, and the memory of the store."""
