"""What we know of a customer: one row of sums that commute, and one vector of it on demand."""
