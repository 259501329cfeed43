"""The tags function with its output recorded, in front of stand-ins of AWS and the listener."""

import contextlib
import io
import json
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from handler.clock import Clock
from tags.app import TagsFunction
from tags.last_sweep import SentSeries
from tags.series import InfoSeries
from testing.http_server import Reply
from testing.lambda_context import LambdaContext
from testing.receiver import Received, Receiver, ReplyFunction
from testing.replies import accept
from testing.tagging_api import OWN_ACCOUNT, Fleet
from tests.support.invoking import json_lines, settings_for
from tests.support.tag_reading import FUNCTION_ARN, instance

TOKEN = "akey-5f0c9e72d1b84a36"


@dataclass(frozen=True, slots=True)
class Swept:
    """One sweep.

    Attributes:
        result: What the function returned.
        lines: Every line that it wrote, log lines and metrics.
    """

    result: Mapping[str, Any]
    lines: list[dict[str, Any]]

    def metric(self, name: str) -> float | None:
        """Return a metric in CloudWatch's embedded format."""
        (document,) = (line for line in self.lines if "_aws" in line)
        return float(document[name][0]) if name in document else None

    @property
    def errors(self) -> list[str]:
        """The messages of all lines of level ERROR."""
        return [line["message"] for line in self.lines if line.get("level") == "ERROR"]


class SweepingFunction:
    """The tags function; time passes only as a test says, but for what waits take.

    Args:
        url: The listener.
        changed: Further environment variables.

    Attributes:
        now: The time by every clock, in seconds.
        arn: The ARN of the function.
    """

    def __init__(self, url: str, **changed: str) -> None:
        self.now = float(int(time.time()))
        self.arn = FUNCTION_ARN
        clock = Clock(lambda: self.now, lambda: self.now, lambda ceiling: ceiling, self._wait)
        environ = settings_for(url, **{"LOGZIO_METRICS_TOKEN": TOKEN, **changed})
        self._output = io.StringIO()
        with contextlib.redirect_stdout(self._output):
            self._function = TagsFunction(environ, clock)

    def _wait(self, _event: Any, seconds: float) -> None:
        self.now += seconds

    def sweep(self, seconds: float = 240.0, later: float = 300.0) -> Swept:
        """Sweep once, and let some seconds pass.

        Args:
            seconds: The timeout of the function.
            later: How many seconds pass until the next sweep.
        """
        start = self._output.tell()
        context = LambdaContext(self.now + seconds, lambda: self.now, invoked_function_arn=self.arn)
        with contextlib.redirect_stdout(self._output):
            # As Lambda returns it.
            result = json.loads(json.dumps(self._function(context)))
        self.now += later
        return Swept(result, json_lines(self._output.getvalue()[start:]))


def values_of(receiver: Receiver, label: str = "arn") -> dict[str, list[float]]:
    """Return the values of all samples that a receiver has accepted, by a label of their series."""
    found: dict[str, list[tuple[int, float]]] = {}
    for labels, samples in receiver.accepted_samples().items():
        found.setdefault(dict(labels).get(label, ""), []).extend(samples)
    return {name: [value for _, value in sorted(samples)] for name, samples in found.items()}


def ended_in(receiver: Receiver) -> set[str]:
    """Return the ARNs whose series have ended, as stale markers say."""
    return {arn for arn, values in values_of(receiver).items() if any(map(math.isnan, values))}


def numbers_in(swept: Swept) -> tuple[float | None, ...]:
    """Return the metrics of a sweep, TagsSent, TagResources, TagErrors; its account must add up."""
    samples = swept.result
    made = samples["samples"]
    counted = (samples[f"samples_{it}"] for it in ("sent", "rejected", "undelivered"))
    assert made == sum(counted) + sum(samples["samples_dropped"].values())
    return swept.metric("TagsSent"), swept.metric("TagResources"), swept.metric("TagErrors")


def fleet_of(*numbers: int, account: str = OWN_ACCOUNT) -> Fleet:
    """Return a fleet of instances with these numbers and one tag."""
    return Fleet([(instance(number, account), {"Team": "a"}) for number in numbers])


def object_of(series: Iterable[InfoSeries], time_ms: int = 0) -> bytes:
    """Return the object that a sweep with these series leaves."""
    sent = SentSeries()
    for one in series:
        sent.add(one, time_ms)
    return sent.content()


class Listener(Receiver):
    """A listener whose reply a test may change.

    Attributes:
        reply: Decides about each request.
    """

    def __init__(self) -> None:
        self.reply: ReplyFunction = accept
        super().__init__(self._decide, to_2_0=None)

    def _decide(self, received: Received) -> Reply:
        return self.reply(received)
