"""Old names, until all parts are merged."""

from testing.replies import (
    SamplePredicate,
    accept,
    always,
    limiting,
    redirecting,
    refusing,
    refusing_histograms,
    sequence,
)

__all__ = [
    "SamplePredicate",
    "accept",
    "always",
    "limiting",
    "redirecting",
    "refusing",
    "refusing_histograms",
    "sequence",
]
