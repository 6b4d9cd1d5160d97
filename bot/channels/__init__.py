"""The customers' side: channels translate at the edge, nothing more."""
