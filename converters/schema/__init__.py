"""Protobuf schemas and the classes that `make proto` generates from them."""
