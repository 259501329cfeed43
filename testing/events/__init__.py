"""Sample events: what Firehose delivers through each front door, made of nothing but numbers."""
