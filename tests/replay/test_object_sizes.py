"""Objects that are larger than anything Firehose writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from replay.content import MAX_BYTES
from testing.receiver import Receiver
from tests.support.backups import failed_object, hosts_in, records_of_hosts, run, write
from tests.support.invoking import SAMPLES_OF_A_POINT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("size", [MAX_BYTES + 1, 1 << 40])
def test_it_is_left_without_being_read(tmp_path: Path, size: int) -> None:
    """An object that would take all memory is left with a reason, and those behind it are sent."""
    with write(tmp_path / "1-huge", b"").open("wb") as file:
        # A hole; whoever read it would need as much memory.
        file.truncate(size)
    write(tmp_path / "2", failed_object(records_of_hosts("a")))
    with Receiver() as receiver:
        dry = run(tmp_path, receiver.url, "--dry-run")
        ran = run(tmp_path, receiver.url)
        assert hosts_in(receiver) == {"a": SAMPLES_OF_A_POINT}
    for one in (dry, ran):
        (line,) = (line for line in one.output.splitlines() if "1-huge" in line)
        assert line.endswith(f"the object is larger than {MAX_BYTES} bytes")
    assert ran.status == 1
