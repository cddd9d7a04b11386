"""Synthetic patients with everything that a real export has, for the demonstration, the tests and the benchmarks."""
