"""Sample events: what Firehose delivers through each ingress, made of nothing but numbers."""
