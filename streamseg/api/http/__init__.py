"""Shared by all routes: access, request limits, answers, problems."""
