"""A Lambda extension that ships the function's own logs through the Telemetry API."""
