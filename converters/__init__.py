"""OTLP records in, remote-write bodies out: no clock, network, environment or log."""
