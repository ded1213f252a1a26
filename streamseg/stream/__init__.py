"""Faust: reads the input topics in runs. No other package loads it."""
