"""Events as they come, and one that is sent for a try."""
