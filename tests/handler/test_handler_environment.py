"""The environment that settings are read from: what counts of it, and when it is read."""

import os
import subprocess
import sys

import pytest

from handler import app
from handler.settings import DECLARED, VARIABLES, known_variables, read_settings
from tests.support.invoking import REQUEST_ID, answered, delivery

US = {"AWS_REGION": "us-east-1"}


def test_settings_cannot_be_changed() -> None:
    """The settings are read once into an object that stays as it is."""
    settings = read_settings(US)
    with pytest.raises(AttributeError):
        settings.p8s_logzio_name = "other"
    with pytest.raises(TypeError):
        settings.headers["a"] = "b"  # type: ignore[index]


def test_only_known_variables_are_kept() -> None:
    """Credentials of the function's role and the like never reach the settings."""
    assert known_variables({"AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "y"}) == {"AWS_REGION": "y"}
    assert len(set(VARIABLES)) == len(DECLARED)


def test_handler_answers_500_with_a_bad_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler answers 500 while a setting is bad, and recovers with the environment."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("REMOTE_WRITE_CONCURRENCY", "many")
    answer = answered(app.lambda_handler(delivery(), None))
    assert (answer.status, answer.request_id) == (500, REQUEST_ID)
    assert "REMOTE_WRITE_CONCURRENCY" in answer.error
    assert "LOGZIO_METRICS_LISTENER" in answer.error
    monkeypatch.setenv("REMOTE_WRITE_CONCURRENCY", "2")
    monkeypatch.setenv("LOGZIO_REGION", "eu")
    assert answered(app.lambda_handler(delivery(), None)).status == 200


def test_import_reads_no_setting() -> None:
    """The handler's module is imported in any environment, however bad."""
    bad = dict.fromkeys(VARIABLES, "\x01bad") | {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", "import handler.app"], env=bad, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"")


@pytest.mark.filterwarnings("ignore:Current log level")
@pytest.mark.parametrize("level", ["TRACE", "FATAL", "WARN", "nonsense"])
def test_log_level_of_lambda_does_no_harm(monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    """Whatever level Lambda's own log settings name, the function answers."""
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", level)
    monkeypatch.setenv("LOGZIO_REGION", "eu")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", f"test-level-{level}")
    assert answered(app.lambda_handler(delivery(), None)).status == 200


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, "logzio-otlp-metrics-stream"),
        ({"NAMING_PROFILE": "yace"}, ""),
        ({"NAMING_PROFILE": "yace", "P8S_LOGZIO_NAME": "production"}, "production"),
    ],
)
def test_default_of_the_environment_label(environ: dict[str, str], name: str) -> None:
    """The default of P8S_LOGZIO_NAME belongs to the profile `logzio`; others have none."""
    assert read_settings(US | environ).p8s_logzio_name == name
