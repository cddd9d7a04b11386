"""Benchmarks behind the performance claims: `python -m benchmarks`, or `make bench`."""
