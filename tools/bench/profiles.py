"""What naming profiles and relabelling cost, beside the profile `logzio` alone."""

import statistics
from functools import partial

from converters.convert import Converter, Options
from converters.profiles import PROFILES
from converters.relabel import parse_relabel_configs
from converters.rules import SeriesRules
from testing.events.otlp import Format
from tools.bench.delivery import convert, cpu_seconds, generated
from tools.bench.measurement import Cell, Effort, Measurement, Table, Target

_LIMITS = {"cold": 1.25, "warm": 1.05}
_RULES = """
- {source_labels: [__name__], regex: aws_(s3|ebs)_.*_sample_count, action: drop}
- {source_labels: [account], regex: "111122223333", target_label: team, replacement: shop}
- {source_labels: [region], target_label: aws_region}
- {regex: cloud_provider, action: labeldrop}
"""


def profiles(effort: Effort) -> Measurement:
    """Convert the large delivery with each profile; what slows the machine slows all of them."""
    rules = {name: SeriesRules(PROFILES[name]()) for name in PROFILES}
    relabel = parse_relabel_configs(_RULES)
    rules |= {f"{name}, four rules": it._replace(relabel=relabel) for name, it in rules.items()}
    events = [generated(effort.points, minute, Format.V1_0) for minute in range(2)]
    warm = {name: Converter(Options(rules=it)) for name, it in rules.items()}
    samples = {name: convert(events[0], converter).samples for name, converter in warm.items()}
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(effort.repetitions):
        for name, it in rules.items():
            for warmth, converter in (("cold", Converter(Options(rules=it))), ("warm", warm[name])):
                seconds = cpu_seconds(partial(convert, events[1], converter))
                times.setdefault((name, warmth), []).append(1e6 * seconds / samples[name])
    figures = {
        name: {
            warmth: {
                "us": statistics.median(times[name, warmth]),
                "ratio": statistics.median(
                    one / other
                    for one, other in zip(times[name, warmth], times["logzio", warmth], strict=True)
                ),
            }
            for warmth in _LIMITS
        }
        for name in rules
    }
    targets = [
        Target(f"per sample, {name}, {warmth}", found[warmth]["ratio"], limit, "x logzio")
        for name, found in figures.items()
        for warmth, limit in _LIMITS.items()
        if name != "logzio"
    ]
    rows: list[list[Cell]] = [
        [name, *(found[warmth][figure] for warmth in _LIMITS for figure in ("us", "ratio"))]
        for name, found in figures.items()
    ]
    headers = ["profile", "cold", "x logzio", "warm", "x logzio"]
    return Measurement(
        Table("Naming profiles and relabelling, us of CPU per sample", headers, rows),
        figures,
        targets,
    )
