"""The maker of the Grafana dashboard."""
