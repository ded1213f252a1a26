"""The stores of rows, memberships, models and the segment catalogue, on Redis and in memory."""
