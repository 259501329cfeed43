"""Sustained deliveries to one instance of the function: throughput, latency and memory."""
