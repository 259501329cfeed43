"""The JSON objects that an operator writes."""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

# A text that is no name may be a secret in the wrong place.
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]{0,63}")


def object_in(text: str, number: Callable[[str], Any] | None = None) -> dict[str, Any] | None:
    """Return the JSON object in a text; None if it is anything else.

    Args:
        text: The text.
        number: What to make of a number's text; None: a number.

    Raises:
        ValueError: A name stands in it twice. RFC 8259, 4, leaves open which value counts then.
    """
    repeated: list[str] = []

    def members(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        times = Counter(name for name, _ in pairs)
        repeated.extend(name for name in times if times[name] > 1)
        return dict(pairs)

    try:
        parsed = json.loads(
            text,
            object_pairs_hook=members,
            parse_int=number,
            parse_float=number,
            parse_constant=number,
        )
    except (ValueError, RecursionError):
        return None
    if repeated:
        name = repeated[0] if _NAME.fullmatch(repeated[0]) else "a name"
        raise ValueError(f"must not set {name} twice")
    return parsed if isinstance(parsed, dict) else None
