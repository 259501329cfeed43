"""The floor that the function's time is compared with."""

from handler.ingress import open_ingress
from testing.events.otlp import Format
from tools.bench.deliveries import generated
from tools.bench.pipeline import Floor


def test_it_decodes_the_whole_delivery() -> None:
    """The floor decodes the base64 of every record, which the function does not keep."""
    event = generated(60, 0, Format.V1_0)
    records = open_ingress(event).parse().records
    assert Floor(event, []).run() == sum(len(record.content or b"") for record in records) > 0
