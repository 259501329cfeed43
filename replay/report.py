"""What a replay has come to, as a document and as lines for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from replay.run import Outcome
    from replay.survey import Survey
    from replay.tally import Tally

# Longer lists help nobody, and Lambda's answer is bounded. The notes have them all.
_MAX_LISTED = 20


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """Return what a replay has come to, as JSON."""
    return {
        "objects": {
            "found": outcome.found,
            "sent": outcome.sent,
            "sentBefore": outcome.already,
            "left": len(outcome.left),
        },
        **_tally_document(outcome.tally),
        "left": _first(outcome.left),
        "stopped": outcome.stopped,
        "more": outcome.more,
        "complete": outcome.complete,
    }


def survey_document(survey: Survey) -> dict[str, Any]:
    """Return what would be replayed, as JSON."""
    return {
        "dryRun": True,
        "objects": {
            "found": survey.found,
            "toSend": survey.objects,
            "sentBefore": survey.already,
            "unreadableInPart": len(survey.left),
        },
        "account": _account(survey.tally, ("records", "unreadable", "points", "samples")),
        "dropped": dict(survey.tally.dropped),
        "pointsDropped": dict(survey.tally.points_dropped),
        "unreadable": _first(survey.left),
        "oldest": _time(survey.oldest_ms),
        "newest": _time(survey.newest_ms),
        "namespaces": dict(sorted(survey.namespaces.items())),
        "more": survey.more,
    }


def lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a document, names and values in columns."""
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _group(name, value)
        elif value not in ("", None, False):
            yield f"{_spaced(name):<22}{_text(value)}"


def _group(name: str, values: Mapping[str, Any]) -> Iterator[str]:
    told = {key: value for key, value in values.items() if value not in ("", None)}
    if told:
        yield f"{_spaced(name)}:"
    # The keys of these groups are our own words; those of others are names.
    named = {_spaced(key) if name in _OURS else key: value for key, value in told.items()}
    width = max((len(key) for key in named), default=0)
    for key, value in named.items():
        if isinstance(value, int):
            yield f"  {key:<{width}}{value:>14,}"
        else:
            yield f"  {key}: {value}"


_OURS = ("objects", "account")


def _tally_document(tally: Tally) -> dict[str, Any]:
    before = ("records", "unreadable", "points", "samples", "sent")
    behind = ("undelivered", "requests", "retries")
    return {
        "account": {
            **_account(tally, before),
            "rejected": tally.rejected.total(),
            "dropped": tally.dropped.total(),
            **_account(tally, behind),
        },
        "rejected": dict(tally.rejected),
        "rejectedExamples": tally.examples,
        "dropped": dict(tally.dropped),
        "pointsDropped": dict(tally.points_dropped),
    }


def _account(tally: Tally, names: Sequence[str]) -> dict[str, int]:
    return {name: tally.counts[name] for name in names}


def _first(left: Mapping[str, str]) -> dict[str, str]:
    return dict(list(left.items())[:_MAX_LISTED])


def _time(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    try:
        time = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds} ms"
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _spaced(name: str) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name)


def _text(value: Any) -> str:
    return "yes" if value is True else f"{value:,}" if isinstance(value, int) else str(value)
