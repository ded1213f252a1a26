"""What arrived: bytes become valid events, or are rejected with a reason."""
