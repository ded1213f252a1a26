"""streamseg: customer segments from streams of clicks and purchases, kept current event by event."""
