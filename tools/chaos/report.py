"""The report of a run: tables for people."""

from collections import Counter
from collections.abc import Mapping, Sequence

from tabulate import tabulate

from tools.chaos.audit import Audit
from tools.chaos.faults import Fault
from tools.chaos.kept import Rejections
from tools.chaos.records import Planned

_PLACES = (
    (("stored",), "stored, and nothing else"),
    (("rejected",), "rejected with its data point, and not stored"),
    (("refused",), "refused by the server, which has a newer one or is at its limit"),
    (("backup",), "in a backup object alone"),
    (("stored", "backup"), "in two: stored and in a backup object"),
    (("rejected", "backup"), "in two: rejected and in a backup object"),
    (("refused", "backup"), "in two: refused and in a backup object"),
    ((), "in none"),
)

Row = tuple[str, int]


def table(title: str, rows: Sequence[Row]) -> str:
    """Return a table of numbers, and an empty line."""
    written = [(text, f"{number:,}") for text, number in rows]
    text = tabulate(written, headers=(title, ""), tablefmt="github", colalign=("left", "right"))
    return f"{text}\n"


def put_in_rows(put_in: Sequence[Planned]) -> list[Row]:
    """Return the numbers of what was put into the streams."""
    return [
        ("records", len(put_in)),
        ("of them malformed", sum(not planned.points for planned in put_in)),
        ("data points", sum(len(planned.points) for planned in put_in)),
        ("samples that are to come of them", sum(len(planned.samples) for planned in put_in)),
        ("of them poison", sum(len(planned.poison) for planned in put_in)),
    ]


def listener_rows(faults: Mapping[Fault, int], server: str, behind: Mapping[int, int]) -> list[Row]:
    """Return what the listener did, and the replies of the server behind it by status."""
    met = sorted((fault.value.text, number) for fault, number in faults.items())
    return [*met, *_by_status(server, behind)]


def delivery_rows(done: Counter[str], statuses: Mapping[int, int]) -> list[Row]:
    """Return what the streams did, and the replies of the ingresses by status."""
    return [
        ("deliveries", done["batches"]),
        ("delivered", done["delivered"]),
        ("backed up", done["backed up"]),
        ("discarded after 413", done["discarded"]),
        ("attempts", done["attempts"]),
        *_by_status("ingress", statuses),
    ]


def sample_rows(audit: Audit, counted: Rejections) -> list[Row]:
    """Return where the samples are, and what the function's log says."""
    return [
        *((text, audit.places[place]) for place, text in _PLACES),
        ("rejected in one delivery, and stored", audit.rejected_and_stored),
        ("rejected, as the function counts", counted.rejected),
        ("sent, but perhaps refused, as the function counts", counted.settled_unknown),
        ("stored, but nobody put it in", audit.unexpected),
        ("records in the backup that nobody put in", audit.strangers),
    ]


def server_table(audits: Mapping[str, Audit]) -> str:
    """Return a table with a line for each server: where the samples of its run are."""
    names = ("stored", "rejected", "refused", "backup")
    rows = [
        (
            server,
            audit.places.total(),
            *(sum(n for places, n in audit.places.items() if name in places) for name in names),
            audit.lost,
        )
        for server, audit in audits.items()
    ]
    written = [(server, *(f"{number:,}" for number in numbers)) for server, *numbers in rows]
    headers = ("server", "samples", *names, "lost")
    aligned = ("left", *["right"] * (len(headers) - 1))
    return f"{tabulate(written, headers=headers, tablefmt='github', colalign=aligned)}\n"


def _by_status(who: str, counts: Mapping[int, int]) -> list[Row]:
    return [(f"{who} answered {status}", number) for status, number in sorted(counts.items())]
