"""The two captured deliveries, measured like the large one, where CAPTURES_DIR has them."""

from bench.deliveries import captured
from bench.measurement import Effort, Measurement
from bench.speed import case, table


def measure(effort: Effort) -> Measurement:
    """Measure each capture; warm is the same delivery once more."""
    figures = {name: case([event, event], effort.repetitions) for name, event in captured().items()}
    if not figures:
        return Measurement([], {})
    points = ", ".join(f"{name} {case['delivery']['points']}" for name, case in figures.items())
    title = f"Captured deliveries ({points} points), us of CPU per data point"
    return Measurement([table(title, figures)], figures)
