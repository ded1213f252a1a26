"""Reads events from files: formats, cells, mappings of columns to fields, ids of lines."""
