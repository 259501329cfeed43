"""Benchmarks: speed, memory and start of the function and of the logs extension."""
