"""The two captured deliveries, measured like the large one, where CAPTURES_DIR has them."""

from tools.bench.deliveries import captured
from tools.bench.measurement import Effort, Measurement
from tools.bench.speed import case, table


def measure(effort: Effort) -> Measurement:
    """Measure each capture; warm is the same delivery once more."""
    figures = {name: case([event, event], effort.repetitions) for name, event in captured().items()}
    if not figures:
        return Measurement([], {})
    points = ", ".join(f"{name} {case['delivery']['points']}" for name, case in figures.items())
    title = f"Captured deliveries ({points} points), us of CPU per data point"
    return Measurement([table(title, figures)], figures)
