"""Learning one segmentation from samples."""
