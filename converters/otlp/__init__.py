"""OTLP records to the bodies of OTLP requests, for an endpoint that takes them as they are."""
