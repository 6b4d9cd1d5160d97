"""How well this search finds, answers and keeps silent, beside its peers: `python -m benchmarks.retrieval`."""
