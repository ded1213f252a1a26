"""Send membership changes to subscribers by HTTP POST."""
