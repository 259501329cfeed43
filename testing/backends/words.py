"""What real servers answer to a body of which they refuse some samples: the table `words.tsv`.

The refused sample is of the series `cpu` with the label `host="a"`. Mind where the labels are,
which are the words of a user: Mimir's distributor writes them before the id of the error, M3's
answer is a JSON object, and Thanos writes none. A 429 about a limit of series has stored the known
ones in Managed Prometheus and Grafana Cloud, and nothing in Thanos.
"""

import csv
from pathlib import Path
from typing import NamedTuple

_TABLE = Path(__file__).with_name("words.tsv")


class Words(NamedTuple):
    """An answer.

    Attributes:
        server: Who answers.
        status: The status.
        stored: Whether the samples beside the refused ones are stored.
        reason: Why samples are refused, as `SamplesRejected` counts them; empty where none is
            refused for good, and the request has to be sent again.
        text: The body.
        source: The repository and file, or the document, where this was read.
    """

    server: str
    status: int
    stored: bool
    reason: str
    text: str
    source: str


def real_words() -> list[Words]:
    """Read the table."""
    with _TABLE.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        return [
            Words(server, int(status), good == "stored", reason.strip("-"), f"{text}\n", source)
            for server, status, good, reason, text, source in rows
        ]
