"""Hostile input: fuzzing, and inputs made to take time and memory."""
