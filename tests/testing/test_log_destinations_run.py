"""The command behind `make run-logs`: the real function with the real extension, as processes."""

import pytest

from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.treatment import status
from testing.receiver import Receiver
from tools import run_logs


@pytest.mark.parametrize("destination", ["logzio", "loki", "openobserve", "datatap"])
def test_every_line_arrives(destination: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every line of the function is in the table with its level, and in the account."""
    assert run_logs.main(["--destination", destination]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    printed = int(lines[-1].split()[0])
    assert lines[-1] == f"{printed} lines printed, {printed} of them arrived"
    assert f"lines printed by the function: {printed}" in lines
    rows = [line.split() for line in lines if " function " in line[:50]]
    assert len(rows) == printed > 0
    (error,) = (row for row in rows if "ERROR" in row)
    (rejected,) = (line for line in lines if line.startswith("malformed-record: HTTP 400"))
    assert error[2] == rejected.rpartition(" ")[2][:8]
    (account,) = (line for line in lines if line.startswith("records, as the extension counts: "))
    assert account.endswith("pending=0")


def test_lost_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """If nothing is accepted, that is reported, and no line counts as arrived."""
    with Receiver() as metrics, LogzioDestination() as logs:
        logs.misbehave(status(401))
        outcome = run_logs.run({"bad": {}}, metrics, logs)
    assert (outcome.printed > 0, outcome.arrived) == (True, 0)
    assert any("logzio" in words for words in outcome.problems)
    assert logs.token not in capsys.readouterr().out
