"""Numbers as label values: quantiles and bucket bounds."""

from __future__ import annotations

import math
from decimal import Decimal


def decimal_text(number: float) -> str:
    """
    Return the shortest decimal that reads back as the same double: `0.99`, `1`, `+Inf`.

    This is how Prometheus writes the values of `quantile` and `le`.
    """
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    text = format(Decimal(repr(number)), "f")
    return text.removesuffix(".0")
