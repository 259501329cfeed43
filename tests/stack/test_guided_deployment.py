"""`sam deploy --guided`, which asks for every parameter: Enter is an answer to all but one."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from testing.containers import required_sam, sam_python
from testing.ports import free_port
from tests.support.stack import ROOT, source

TOKEN = "token-5f0c9e72d1b8"

_ROUND_TRIP = """
import json, sys
from samcli.cli.types import CfnParameterOverridesType
from samcli.commands.deploy.guided_config import GuidedConfig

values = json.loads(sys.argv[1])
saved = " ".join(f"{k}={GuidedConfig.quote_parameter_values(v)}" for k, v in values.items())
print(json.dumps(CfnParameterOverridesType().convert(saved, None, None)))
"""

_SAVE = """
import json, sys
from pathlib import Path
from samcli.commands.deploy import guided_context
from samcli.commands.deploy.guided_config import GuidedConfig
from samcli.lib.config.samconfig import SamConfig
from samcli.yamlhelper import yaml_parse

guided_context.prompt = lambda *_, default=None, **__: sys.argv[2] if default is None else default
guided = guided_context.GuidedContext(*[None] * 6)
parameters = yaml_parse(Path("template.yaml").read_text())["Parameters"]
answers = guided.prompt_parameters(parameters, {}, "", "")
saved, config = SamConfig(sys.argv[1]), GuidedConfig("template.yaml", "parameters")
config._save_parameter_overrides(["deploy"], "default", answers, saved)
saved.flush()
print(json.dumps([name for name, answer in answers.items() if answer["Value"] == sys.argv[2]]))
"""


@pytest.mark.slow
def test_enter_is_an_answer(tmp_path: Path) -> None:
    """SAM asks for each parameter once, MetricsToken alone has no default, and then begins.

    No AWS answers here, so that is where it ends.
    """
    shutil.copy(ROOT / "template.yaml", tmp_path)
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_MAX_ATTEMPTS": "1",
        "SAM_CLI_TELEMETRY": "0",
    }
    done = subprocess.run(
        [str(required_sam()), "deploy", "--guided"],
        cwd=tmp_path,
        env=environment,
        input=f"\n\n{TOKEN}\n" + "\n" * 100,
        capture_output=True,
        text=True,
        check=False,
    )
    asked = re.findall(r"Parameter (\w+)(?: \[(.*?)\])?:", done.stdout + done.stderr)
    defaults = {name: str(it["Default"]) for name, it in source()["Parameters"].items()}
    assert dict(asked) == defaults | {"MetricsToken": ""}
    assert len(asked) == len(defaults)
    assert "Looking for resources needed for deployment" in done.stdout
    assert "Could not connect to the endpoint URL" in done.stdout + done.stderr


def test_saved_answers() -> None:
    """What is answered is read from samconfig.toml as it was, JSON and lists too."""
    answers = {
        "LogzioRegion": "",
        "IncludeFilters": "AWS/EC2=CPUUtilization+NetworkIn,My App=Open Orders",
        "AdditionalStatistics": "p50,p99.9",
        "Settings": '{"LABEL_VALUE_CASE":"keep", "MAX_LABELS":30,"LOGS_REDACT":"\\\\d{16}"}',
    }
    done = sam_python(_ROUND_TRIP, json.dumps(answers))
    assert json.loads(done.stdout) == answers


def test_token_is_not_saved(tmp_path: Path) -> None:
    """SAM writes the answers into samconfig.toml, but not the one that it does not show."""
    done = sam_python(_SAVE, str(tmp_path), TOKEN, folder=ROOT)
    assert json.loads(done.stdout) == ["MetricsToken"], done.stderr
    saved = (tmp_path / "samconfig.toml").read_text(encoding="utf-8")
    assert 'LogzioRegion=\\"\\"' in saved
    assert "MetricsToken" not in saved
    assert TOKEN not in saved
