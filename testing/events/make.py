"""Writes the sample events to `events/`: `python -m testing.events.make`."""

import json
from pathlib import Path

from testing.events.fleet import END_MS
from testing.events.samples import bad_events, dashboard_event, good_events

_FOLDER = Path(__file__).parents[2] / "events"


def main() -> None:
    """Write the files."""
    events = good_events(END_MS) | bad_events(END_MS)
    events["dashboards-otlp-1.0"] = dashboard_event(END_MS)
    for stem, event in events.items():
        content = json.dumps(event, indent=2) + "\n"
        (_FOLDER / f"{stem}.json").write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
