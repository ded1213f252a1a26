"""Learns the model of one segmentation from samples. The only part of streamseg's own path that loads River."""
