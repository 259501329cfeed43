"""The joins of docs/tags.md, on real servers that both functions have filled.

A fleet is swept three times, every five minutes, and changes before the third sweep. Each profile
has an hour of its own on a server, and another one in which no sweep knows the last one.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import requests

from testing.aws_environment import REGION, environment_for
from testing.events.fleet import HOUR_MS, MINUTE_MS, Point
from testing.events.ingresses import transformation
from testing.events.otlp import Format
from testing.events.samples import sample_records
from testing.servers import Prometheus, Server
from testing.tagging_api import OWN_ACCOUNT, Fleet, TaggingApi
from tests.support.recording import RecordingFunction
from tests.support.sweeping import SweepingFunction
from tests.support.tag_reading import LINKED, ROLE, instance
from tests.support.victoria_metrics import VictoriaMetrics
from tools.children import ROOT

pytestmark = pytest.mark.real_server

PAGE = (ROOT / "docs" / "tags.md").read_text(encoding="utf-8")
PROFILES = ("logzio", "yace", "cloudwatch_exporter", "otel")
*JOINS, WITH_OTHERS, BY_RULE = re.findall(r"^```promql\n(.+?)\n```$", PAGE, re.M | re.S)
(RULE,) = re.findall(r"^        expr: >\n(.+?)\n```$", PAGE, re.M | re.S)
JOIN_OF = dict(zip(PROFILES, JOINS, strict=True))

BEFORE = {
    1: {"Team": "blue"},
    2: {"Team": "red"},
    3: {"Team": "red", "Env": "prod"},
    4: {"Team": "red"},
    5: {"Team": "red"},
    6: {"Team": "blue"},
}
# One changes its team, the others lose the tag, the last tag, and their being.
AFTER = {**BEFORE, 2: {"Team": "blue"}, 3: {"Env": "prod"}, 4: {}}
del AFTER[5]
# An instance of the linked account has the id of another one.
LINKED_FLEET = Fleet([(instance(6, LINKED), {"Team": "red"})], external_id=None)
JOINED = {
    (OWN_ACCOUNT, "i-1"): "blue",
    (OWN_ACCOUNT, "i-2"): "blue",
    (OWN_ACCOUNT, "i-3"): "",
    (OWN_ACCOUNT, "i-4"): "red",
    (OWN_ACCOUNT, "i-6"): "blue",
    (LINKED, "i-6"): "red",
}
WITHOUT_TAGS = {(OWN_ACCOUNT, "i-7"): ""}

FIRST_SWEEP_MS, SWEEPS_MS = 17_000, 5 * MINUTE_MS
THIRD_SWEEP_MS = FIRST_SWEEP_MS + 2 * SWEEPS_MS
# 4:59 and 5:30 after a sweep: the look-back of Prometheus ends between them.
EARLY, LATE = THIRD_SWEEP_MS + 299_000, THIRD_SWEEP_MS + 330_000


def points(start_ms: int) -> Iterator[Point]:
    """Yield a point a minute of each instance, and of their group."""
    instances = [(OWN_ACCOUNT, number) for number in range(1, 8)] + [(LINKED, 6)]
    dimensions = [(account, (("InstanceId", f"i-{number}"),)) for account, number in instances]
    dimensions.append((OWN_ACCOUNT, (("AutoScalingGroupName", "web"),)))
    for account, of_one in dimensions:
        for minute in range(11 if of_one == (("InstanceId", "i-5"),) else 16):
            values = (MINUTE_MS, 1, 50.0, 50.0, 50.0, (), account, REGION)
            end_ms = start_ms + minute * MINUTE_MS
            yield Point("AWS/EC2", "CPUUtilization", of_one, "Percent", end_ms, *values)
            yield Point("AWS/EC2", "NetworkOut", of_one, "Bytes", end_ms, *values)


def fill(server: Server, aws: TaggingApi, profile: str, start_ms: int, bucket: str) -> int:
    """Send metrics and tags; return the number of samples that are no stale markers."""
    changed = {"NAMING_PROFILE": profile, "EXTERNAL_LABELS": f'{{"hour":"{start_ms}"}}'}
    changed["LOGZIO_METRICS_TOKEN"] = "token"
    records = sample_records(list(points(start_ms)), Format.V1_0)
    event = transformation(records, start_ms + 16 * MINUTE_MS)
    samples = RecordingFunction(server.write_url, changed).invoke(event).metric("SamplesSent")
    function = SweepingFunction(
        server.write_url, **changed, TAG_ROLE_ARNS=ROLE, BACKUP_BUCKET=bucket
    )
    function.now = (start_ms + FIRST_SWEEP_MS) / 1000
    for of_own in (BEFORE, BEFORE, AFTER):
        resources = [(instance(number), tags) for number, tags in of_own.items()]
        fleet = Fleet(resources, {"web": {"Team": "green"}})
        aws.reset({OWN_ACCOUNT: fleet, LINKED: LINKED_FLEET})
        swept = function.sweep(later=SWEEPS_MS / 1000)
        assert swept.errors == []
        samples += swept.result["info_samples_sent"]
    assert swept.result["stale_markers_sent"] == (4 if bucket else 0)
    return int(samples)


class History:
    """A server with an hour for each profile, with and without stale markers."""

    def __init__(self, server: Server, hour_ms: int, fill: Callable[[Server, str, int, bool], int]):
        ...
