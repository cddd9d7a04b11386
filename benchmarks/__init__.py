"""What performance is claimed with: `python -m benchmarks`, or `make bench`."""
