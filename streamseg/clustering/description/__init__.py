"""Describes segments and customers in numbers and words, from a snapshot and customers' vectors."""
