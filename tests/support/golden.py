"""The golden files of the sample events, and the way to write them anew on purpose.

    python -m tests.support.golden

There is one for each naming profile. Each line is one sample as Prometheus writes
it: series, value, time in ms. Read the difference before you keep it.
"""

import re
from pathlib import Path

from converters.profiles import PROFILES
from converters.rules import SeriesRules
from testing.converting import ENVIRONMENT, convert, samples_of, series_text
from testing.events.fleet import END_MS, fleet
from testing.events.otlp import Format
from testing.events.samples import sample_records

# Of profiles that other tests hold to tables and to a second converter, a few metrics are enough.
_PART = "ec2|shop"

FOLDER = Path(__file__).parents[1] / "golden"


def golden_of(*records: bytes, profile: str = "logzio") -> list[str]:
    """Return the decoded samples of records, one in a line, the times of a series in order."""
    part = "" if profile == "logzio" else _PART
    found = samples_of(
        convert(
            *records,
            rules=SeriesRules(PROFILES[profile]()),
            p8s_logzio_name=ENVIRONMENT if profile == "logzio" else "",
        )
    )
    series = {series_text(labels): samples for labels, samples in found.items()}
    assert len(series) == len(found)
    return [
        f"{text} {value!r} {time}"
        for text in sorted(series)
        for time, value in series[text]
        if re.search(part, text.partition("{")[0], re.IGNORECASE)
    ]


def read(profile: str = "logzio") -> list[str]:
    """Return the lines of a profile's golden file."""
    return _file(profile).read_text(encoding="utf-8").splitlines()


def write() -> None:
    """Write the golden files anew, from the events of OTLP 1.0."""
    FOLDER.mkdir(exist_ok=True)
    for profile in PROFILES:
        lines = golden_of(*sample_records(fleet(END_MS), Format.V1_0), profile=profile)
        _file(profile).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _file(profile: str) -> Path:
    return FOLDER / ("fleet.txt" if profile == "logzio" else f"fleet-{profile}.txt")


if __name__ == "__main__":
    write()
