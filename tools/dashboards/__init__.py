"""A Grafana dashboard of what the function delivers."""
