"""Use cases of people and tools, on ports."""
