"""Audiences: groups that people declare, beside the segments that are found."""
