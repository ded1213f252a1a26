"""Edge out: rows, memberships, models and the catalogue, on Redis and in memory."""
