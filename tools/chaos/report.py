"""The account of a run as tables that a person can read."""

from collections.abc import Iterable, Sequence

from tabulate import tabulate

from tools.chaos.run import Result

_PLACES = (
    (("stored",), "stored in Prometheus alone"),
    (("rejected",), "rejected alone, and not stored"),
    (("backup",), "in a backup object alone"),
    (("stored", "backup"), "in two: stored and in a backup object"),
    (("rejected", "backup"), "in two: rejected and in a backup object"),
    ((), "in none"),
)

Row = tuple[str, int]


def report(result: Result) -> str:
    """Write all tables of a run; the last line says how much is lost."""
    parts = [
        _table("put in", _put_in(result)),
        _table("the listener's answers", _faults(result)),
        _table("outages", sorted(result.outages.items())),
        _table("deliveries", _deliveries(result)),
        _table("samples", _samples(result)),
        *result.account.examples,
        f"seed {result.plan.seed}, {result.seconds:.0f} s",
        f"lost: {result.account.lost}",
    ]
    return "\n".join(parts)


def _table(title: str, rows: Iterable[Row]) -> str:
    written = [(words, f"{number:,}") for words, number in rows]
    table = tabulate(written, headers=(title, ""), tablefmt="github", colalign=("left", "right"))
    return f"{table}\n"


def _put_in(result: Result) -> Sequence[Row]:
    return [
        ("records", len(result.put_in)),
        ("of them malformed", sum(not planned.samples for planned in result.put_in)),
        ("data points", sum(planned.points for planned in result.put_in)),
        ("samples that are to come of them", result.account.places.total()),
        ("of them poison", sum(len(planned.poison) for planned in result.put_in)),
    ]


def _faults(result: Result) -> Sequence[Row]:
    met = sorted((fault.value, number) for fault, number in result.faults.counts.items())
    behind = [
        (f"Prometheus answered {status}", number)
        for status, number in sorted(result.behind.items())
    ]
    return [*met, *behind]


def _deliveries(result: Result) -> Sequence[Row]:
    done = result.deliveries
    ingresses = [
        (f"ingress answered {status}", number) for status, number in sorted(result.statuses.items())
    ]
    return [
        ("deliveries", done["batches"]),
        ("delivered", done["delivered"]),
        ("backed up", done["backed up"]),
        ("discarded after 413", done["discarded"]),
        ("attempts", done["attempts"]),
        *ingresses,
    ]


def _samples(result: Result) -> Sequence[Row]:
    account, said = result.account, result.said
    return [
        *((words, account.places[place]) for place, words in _PLACES),
        ("rejected in one delivery, and stored", account.rejected_and_stored),
        ("rejected without being named alone", said.unnamed),
        ("stored, but nobody put it in", account.unexpected),
        ("records in the backup that nobody put in", account.strangers),
    ]
