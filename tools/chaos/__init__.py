"""Deliveries under faults: what was put into Firehose is stored, rejected alone, or backed up.

`python -m tools.chaos` runs the Firehose stand-in, the ingresses, the function under Lambda's own
runtime, a listener that misbehaves, and a real Prometheus behind it, and audits every sample.
`run.run` puts the parts together.
"""
