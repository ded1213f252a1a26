"""What a row keeps for windows of time: the latest times of events, and amounts by day."""
