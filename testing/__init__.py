"""What runs on a developer's machine only: a remote-write receiver, and `make run`."""
