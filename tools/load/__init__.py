"""Sustained deliveries against one instance of the function: throughput, latency and memory."""
