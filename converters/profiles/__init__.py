"""The naming profiles: one module for each, and one line in the table."""

from converters.profiles.cloudwatch_exporter import CloudwatchExporter
from converters.profiles.logzio import Logzio
from converters.profiles.otel import Otel
from converters.profiles.profile import NamingProfile
from converters.profiles.yace import Yace

PROFILES: dict[str, type[NamingProfile]] = {
    "logzio": Logzio,
    "yace": Yace,
    "cloudwatch_exporter": CloudwatchExporter,
    "otel": Otel,
}
"""Every profile by its name in `NAMING_PROFILE`."""
