"""How much a customer is like a seed: the published numbers, and how they are learned and judged."""
