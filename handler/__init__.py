"""The Lambda function: the only place that knows events, environment, clock, network and log."""

__version__ = "0.2.0"
