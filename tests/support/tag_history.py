"""Metrics and tags of a fleet that changes, on a real server that both functions fill.

The fleet is swept three times, every five minutes. Before the third sweep an instance changes its
team, one loses this tag, one its last tag, and one is terminated.
"""

import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from testing.aws_environment import REGION, environment_for
from testing.events.fleet import HOUR_MS, MINUTE_MS, Point
from testing.events.ingresses import transformation
from testing.events.otlp import Format
from testing.events.samples import sample_records
from testing.object_store import ObjectStore
from testing.servers import Server
from testing.tagging_api import OWN_ACCOUNT, Fleet, TaggingApi
from tests.support.recording import RecordingFunction
from tests.support.sweeping import SweepingFunction
from tests.support.tag_reading import LINKED, ROLE, instance
from tests.support.victoria_metrics import VictoriaMetrics

Teams = Mapping[tuple[str, str], str]
"""The team of each instance, by account and id; empty without one."""

_BEFORE = {
    1: {"Team": "blue"},
    2: {"Team": "red"},
    3: {"Team": "red", "Env": "prod"},
    4: {"Team": "red"},
    5: {"Team": "red"},
    6: {"Team": "blue"},
}
_AFTER = {1: {"Team": "blue"}, 2: {"Team": "blue"}, 3: {"Env": "prod"}, 4: {}, 6: {"Team": "blue"}}
# It has the id of an instance of the other account.
_LINKED = Fleet([(instance(6, LINKED), {"Team": "red"})])

TEAMS: Teams = {
    (OWN_ACCOUNT, "i-1"): "blue",
    (OWN_ACCOUNT, "i-2"): "blue",
    (OWN_ACCOUNT, "i-3"): "",
    (OWN_ACCOUNT, "i-6"): "blue",
    (LINKED, "i-6"): "red",
}
"""What the third sweep finds."""

STRIPPED: Teams = {(OWN_ACCOUNT, "i-4"): "red"}
"""What only earlier sweeps have found, of an instance that still runs."""

NEVER_TAGGED: Teams = {(OWN_ACCOUNT, "i-7"): ""}

_MINUTES = 16
_FIRST_SWEEP_MS, _BETWEEN_SWEEPS_MS = 17_000, 5 * MINUTE_MS
_THIRD_SWEEP_MS = _FIRST_SWEEP_MS + 2 * _BETWEEN_SWEEPS_MS


class History:
    """A server on which each profile has hours of its own.

    Args:
        server: An empty server, which takes samples of some hours ago.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._hour_ms = int(time.time() * 1000) // HOUR_MS * HOUR_MS
        self._begun: dict[tuple[str, bool], int] = {}

    def query(
        self, promql: str, profile: str, after_sweep_ms: int, *, markers: bool
    ) -> list[dict[str, Any]]:
        """Return the result of an instant query.

        Args:
            promql: The query.
            profile: The naming profile.
            after_sweep_ms: The time, in milliseconds since the third sweep.
            markers: Whether that sweep knew the one before it, and has sent stale markers.
        """
        if (profile, markers) not in self._begun:
            self._hour_ms -= HOUR_MS
            _fill(self._server, profile, self._hour_ms, markers=markers)
            self._begun[profile, markers] = self._hour_ms
        at = self._begun[profile, markers] + _THIRD_SWEEP_MS + after_sweep_ms
        # VictoriaMetrics caches results.
        response = self._server.call(
            "/api/v1/query", query=promql, time=f"{at / 1000:.3f}", nocache="1"
        )
        result: list[dict[str, Any]] = response.json()["data"]["result"]
        return result

    def teams(self, join: str, profile: str, after_sweep_ms: int, *, markers: bool) -> Teams:
        """Return the teams that a join finds; see `query`."""
        found = re.search(r"on \((\w+), \w+, (\w+)\) group_left \((\w+)\)", join)
        assert found is not None
        account, resource, team = found.groups()
        result = self.query(join, profile, after_sweep_ms, markers=markers)
        rows = [one["metric"] for one in result]
        teams = {(row[account], row[resource]): row.get(team, "") for row in rows}
        assert len(teams) == len(rows)
        # The values are those of the metric.
        assert {one["value"][1] for one in result} <= {"50"}
        return teams


def _fill(server: Server, profile: str, begin_ms: int, *, markers: bool) -> None:
    """Send an hour of metrics and tags."""
    changed = {
        "NAMING_PROFILE": profile,
        "EXTERNAL_LABELS": f'{{"begin": "{begin_ms}"}}',
        "LOGZIO_METRICS_TOKEN": "token",
    }
    records = sample_records(list(_points(begin_ms)), Format.V1_0)
    event = transformation(records, begin_ms + _MINUTES * MINUTE_MS)
    sent = RecordingFunction(server.write_url, changed).invoke(event)
    samples = sent.metric("SamplesSent")
    assert samples > 0
    with TaggingApi({}) as aws, ObjectStore() as store, pytest.MonkeyPatch.context() as patch:
        for name, value in environment_for(aws.url).items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL_S3", store.url)
        bucket = {"BACKUP_BUCKET": "backup"} if markers else {}
        function = SweepingFunction(server.write_url, **changed, **bucket, TAG_ROLE_ARNS=ROLE)
        function.now = (begin_ms + _FIRST_SWEEP_MS) / 1000
        for tagged in (_BEFORE, _BEFORE, _AFTER):
            resources = [(instance(number), tags) for number, tags in tagged.items()]
            aws.fleets = {
                OWN_ACCOUNT: Fleet(resources, {"web": {"Team": "green"}}),
                LINKED: _LINKED,
            }
            swept = function.sweep(later=_BETWEEN_SWEEPS_MS / 1000)
            assert swept.errors == []
            samples += swept.result["info_samples_sent"]
    assert swept.result["stale_markers_sent"] == (4 if markers else 0)
    if isinstance(server, VictoriaMetrics):
        server.stored_at_least(int(samples), begin=str(begin_ms))


def _points(begin_ms: int) -> Iterator[Point]:
    """Yield the points of all instances and of their group, one a minute."""
    of_instances = [(OWN_ACCOUNT, number) for number in range(1, 8)] + [(LINKED, 6)]
    dimensions = [(account, (("InstanceId", f"i-{number}"),)) for account, number in of_instances]
    dimensions.append((OWN_ACCOUNT, (("AutoScalingGroupName", "web"),)))
    for account, of_one in dimensions:
        minutes = 11 if of_one == (("InstanceId", "i-5"),) else _MINUTES
        for minute in range(minutes):
            for metric, unit in (("CPUUtilization", "Percent"), ("NetworkOut", "Bytes")):
                yield Point(
                    "AWS/EC2",
                    metric,
                    of_one,
                    unit,
                    begin_ms + minute * MINUTE_MS,
                    MINUTE_MS,
                    count=1,
                    sum=50,
                    minimum=50,
                    maximum=50,
                    account=account,
                    region=REGION,
                )
