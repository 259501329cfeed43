"""The golden file of the sample events, and the way to write it anew on purpose.

    python -m tests.support.golden

Each line is one sample as Prometheus writes it: series, value, time in ms. Read
the difference before you keep it.
"""

from pathlib import Path

from testing.converting import convert, samples_of, series_text
from testing.events.fleet import END_MS, fleet
from testing.events.otlp import Format
from testing.events.samples import sample_records

FILE = Path(__file__).parents[1] / "golden" / "fleet.txt"


def golden_of(*records: bytes) -> list[str]:
    """Return the decoded samples of records, one in a line, the times of a series in order."""
    found = samples_of(convert(*records))
    series = {series_text(labels): samples for labels, samples in found.items()}
    assert len(series) == len(found)
    return [f"{text} {value!r} {time}" for text in sorted(series) for time, value in series[text]]


def read() -> list[str]:
    """Return the lines of the golden file."""
    return FILE.read_text(encoding="utf-8").splitlines()


def write() -> None:
    """Write the golden file anew, from the events of OTLP 1.0."""
    lines = golden_of(*sample_records(fleet(END_MS), Format.V1_0))
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
