"""Fuzzing, and hostile events that are made to take time and memory."""
