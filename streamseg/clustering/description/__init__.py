"""What a segment is like, in figures and words."""
