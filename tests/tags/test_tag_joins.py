"""The joins of docs/tags.md, on real servers that both functions have filled.

A fleet is swept three times, every five minutes, and changes before the third sweep. Each profile
has an hour of its own on a server, and each once more without stale markers.
"""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from testing.aws_environment import REGION, environment_for
from testing.events.fleet import HOUR_MS, MINUTE_MS, Point
from testing.events.ingresses import transformation
from testing.events.samples import sample_records
from testing.events.otlp import Format
from testing.servers import Prometheus, Server
from testing.tagging_api import OWN_ACCOUNT, Fleet, TaggingApi
from tests.support.recording import RecordingFunction
from tests.support.sweeping import SweepingFunction
from tests.support.tag_reading import LINKED, ROLE, instance
from tests.support.victoria_metrics import VictoriaMetrics
from tools.children import ROOT

pytestmark = pytest.mark.real_server

PAGE = (ROOT / "docs" / "tags.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```promql\n(.+?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
JOINS = dict(zip(("logzio", "yace", "cloudwatch_exporter", "otel"), BLOCKS, strict=False))
