"""What a run does; all chance in it follows from one seed."""

from dataclasses import dataclass

from testing.events.fleet import MINUTE_MS

POINTS_PER_ROUND = 2_500
"""Data points of three minutes of the fleet; another round has the same series."""

MINUTES_PER_ROUND = 3
"""A delivery has up to three periods of a series, and no sample comes twice."""

# At most, for the time that a run's points span.
_POINTS_PER_DELIVERY = 65

ENVIRONMENT = "chaos"
"""The label p8s_logzio_name of every series, a common attribute of the streams."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A run.

    Attributes:
        seed: The source of all chance: records, poison, faults, outages. Which request meets
            which fault depends on the order of threads too.
        deliveries: How many batches there are, at least.
        batch_bytes: The size of Firehose's buffer, for a few more than 50 data points.
        retry_seconds: Firehose's retry duration, in real seconds.
        blackout_seconds: How long the listener accepts nothing in the longest outages; more than
            the retry duration, so that batches end in the backup.
        speed: How many of Firehose's seconds pass in a real one.
        parallel: Batches that each of the streams delivers at once.
        instances: Instances of the function; fewer than batches, so that some are throttled.
        budget_seconds: The function's time for a delivery.
        timeout_seconds: The function's time for a request to the listener.
        body_bytes: The function's limit of a request; a delivery makes several.
    """

    seed: int = 1
    deliveries: int = 2_000
    batch_bytes: int = 12_000
    retry_seconds: float = 12.0
    blackout_seconds: float = 15.0
    speed: float = 20.0
    parallel: int = 3
    instances: int = 6
    budget_seconds: float = 3.0
    timeout_seconds: float = 1.0
    body_bytes: int = 20_000

    @property
    def span_ms(self) -> int:
        """How long the time is that the points of the planned deliveries span."""
        rounds = self.deliveries * _POINTS_PER_DELIVERY // POINTS_PER_ROUND + 1
        return rounds * MINUTES_PER_ROUND * MINUTE_MS


def short_plan(seed: int, deliveries: int) -> Plan:
    """Return a run of some seconds, for tests: a shorter retry duration and fewer processes."""
    return Plan(
        seed=seed,
        deliveries=deliveries,
        retry_seconds=3.0,
        blackout_seconds=4.0,
        speed=60.0,
        parallel=2,
        instances=5,
        budget_seconds=2.0,
    )
