"""Patients who do not exist, with everything a real export has: for the demonstration, the tests and the benchmarks."""
