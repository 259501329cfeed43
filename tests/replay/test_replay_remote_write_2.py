"""The replay sends remote write 2.0 as the function does."""

from pathlib import Path

import pytest

from handler.listener import MESSAGES
from testing.http_server import Reply
from testing.receiver import Receiver
from tests.support.backups import failed_object, hosts_in, records_of_hosts, run, write

_2_0 = {"REMOTE_WRITE_PROTOBUF_MESSAGE": MESSAGES[1]}


@pytest.mark.parametrize("to_2_0", [None, Reply(415), Reply(204)], ids=str)
def test_objects_are_sent(tmp_path: Path, to_2_0: Reply | None) -> None:
    """Every object arrives as 2.0, or as 1.0 where the listener does not know 2.0."""
    for name in "ab":
        write(tmp_path / name, failed_object(records_of_hosts([name])))
    with Receiver(to_2_0=to_2_0) as receiver:
        ran = run(tmp_path, receiver.url, **_2_0)
        assert ran.status == 0
        assert receiver.violations == []
        assert hosts_in(receiver) == {"a": 4, "b": 4}
        versions = [r.headers["x-prometheus-remote-write-version"] for r in receiver.requests]
        assert versions == (["2.0.0"] * 2 if to_2_0 is None else ["2.0.0", "0.1.0", "0.1.0"])
        assert run(tmp_path, receiver.url, **_2_0).status == 0
        assert len(receiver.requests) == len(versions)
