"""Assigns customers to segments from streams of clicks and purchases, current within the second."""
