"""Measures how fast the function is, how much memory it takes, and how soon it is there."""
