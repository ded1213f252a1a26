"""Words of events and profiles: texts that rows keep, and what sums are counted by."""
