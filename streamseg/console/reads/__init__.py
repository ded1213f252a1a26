"""What pages read, through ports, kept for a moment."""
