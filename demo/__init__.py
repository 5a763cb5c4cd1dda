"""Demo data made from a seed, and the demo run."""
