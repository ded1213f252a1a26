"""Finds groups of similar customers: learns from samples, assigns by compiled snapshots, keeps segment ids stable.

`learning` holds all that the trainer needs and is the only part that loads River. The modules at this level are what
workers and readers need: snapshots, assignment and segment ids. `description` puts segments into numbers and words.
"""
