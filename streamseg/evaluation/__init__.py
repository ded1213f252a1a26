"""How good the segments are: the worker's own path in memory, beside methods that people would otherwise use."""
