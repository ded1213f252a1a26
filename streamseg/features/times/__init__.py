"""When customers come: local hours and days, and the visits of a row."""
