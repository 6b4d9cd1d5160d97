"""A pack's cases: `playing` runs real turns, `scoring` decides, `tally` counts, `showing` prints."""
