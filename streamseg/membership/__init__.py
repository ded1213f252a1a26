"""Where a customer stands now: settling, membership strings, changes."""
