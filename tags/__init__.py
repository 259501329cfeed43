"""The tags of resources, beside the metric stream, which has none: one info series a resource."""
