"""Segments in the format of ad servers."""
