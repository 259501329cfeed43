"""Terraform itself on the module, with the stand-in for its AWS provider."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.stack import ARN, KEY, ROLE, Stack
from tests.support.terraform_module import MODULE, ROOT

FUNCTIONS = {
    "metric_stream": "MetricStreamFunction",
    "replay": "ReplayFunction",
    "tags[0]": "TagsFunction",
}
"""The functions, by our name and the template's."""

PROVIDER = Path(sys.prefix) / "terraform"
"""Where `make terraform` installs what the stand-in needs."""

TOKEN = "token-of-a-test"

EVERYTHING = {
    "MetricsToken": TOKEN,
    "RemoteWriteHeadersArn": ARN,
    "IncludeFilters": "AWS/EC2=CPUUtilization+NetworkIn,AWS/S3",
    "StatisticsMetrics": "AWS/ELB=Latency",
    "BufferIntervalSeconds": "300",
    "S3BackupMode": "AllData",
    "NamingProfile": "yace",
    "Statistics": "Average,p99.9",
    "ExternalLabels": '{"env":"production"}',
    "P8sLogzioName": "production",
    "Settings": '{"LABEL_VALUE_CASE":"keep"}',
    "LogsTokenSecretArn": ARN,
    "LogsListener": "https://logs.example.org",
    "AlarmTarget": "someone@example.org",
    "KmsKeyArn": KEY,
    "SubnetIds": "subnet-1,subnet-2",
    "SecurityGroupIds": "sg-1",
    "CreateTags": "true",
    "TagRefreshMinutes": "10",
    "TagRoleArns": f"{ROLE},{ROLE}-2",
}
"""Parameters that make all that the defaults leave out."""

FILTERS = [
    {"namespace": "AWS/EC2", "metric_names": ["CPUUtilization", "NetworkIn"]},
    {"namespace": "AWS/S3"},
]

STRUCTURED = {
    "include_filters": FILTERS,
    "statistics_metrics": [{"namespace": "AWS/ELB", "metric_name": "Latency"}],
    "external_labels": {"env": "production"},
    "settings": {"LABEL_VALUE_CASE": "keep"},
    "subnet_ids": ["subnet-1", "subnet-2"],
    "security_group_ids": ["sg-1"],
    "tag_role_arns": [ROLE, f"{ROLE}-2"],
}
"""The same, where Terraform takes lists and maps."""


@contextmanager
def serving_provider() -> Iterator[dict[str, str]]:
    """Serve the stand-in; the environment of Terraform's commands is given."""
    if shutil.which("terraform") is None or not PROVIDER.exists():
        pytest.skip("needs terraform on the PATH, and `make terraform`")
    command = [sys.executable, "-m", "tools.terraform.provider", str(MODULE)]
    environment = {**os.environ, "PYTHONPATH": f"{PROVIDER}:{ROOT}"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as provider:
        assert provider.stdout
        reattach = provider.stdout.readline()
        try:
            yield {
                "PATH": os.environ["PATH"],
                "CHECKPOINT_DISABLE": "1",
                "TF_REATTACH_PROVIDERS": reattach,
            }
        finally:
            provider.terminate()


def terraform(
    folder: Path, environment: dict[str, str], *arguments: str, fails: bool = False
) -> str:
    """Run a command of Terraform in a folder, and give its output; it must fail if that is said."""
    done = subprocess.run(
        ["terraform", *arguments, "-no-color"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert fails == (done.returncode != 0), done.stderr or done.stdout
    return done.stdout


class Deployment:
    """A configuration that uses the module, in a folder of its own.

    Args:
        folder: An empty folder.
        environment: What `serving_provider` gives.
        module: Where the module is, if not at its place.
    """

    def __init__(self, folder: Path, environment: dict[str, str], module: Path = MODULE) -> None:
        self._folder = folder
        self._module = module
        self._environment = environment
        (folder / "function.zip").write_bytes(b"function")
        (folder / "layer.zip").write_bytes(b"layer")
        self.configure()
        self._run("init", "-input=false")

    def configure(
        self, region: str = "us-east-1", resources: Any = None, **variables: Any
    ) -> "Deployment":
        """Write the configuration.

        Args:
            region: Of the provider.
            resources: Further resources, by type and name.
            variables: The module's, those of the files aside.
        """
        code = {"function_zip": "function.zip", "logs_extension_zip": "layer.zip"}
        module = {
            "source": str(self._module),
            **(code if (self._module / "function.tf").exists() else {}),
            "metrics_token": TOKEN,
            **variables,
        }
        text = {"provider": {"aws": {"region": region}}, "module": {"pipeline": module}}
        made = text | ({"resource": resources} if resources else {})
        (self._folder / "main.tf.json").write_text(json.dumps(made), encoding="utf-8")
        return self

    def refusals(self) -> list[str]:
        """Give the messages of what Terraform refuses to plan."""
        lines = map(json.loads, self._run("plan", "-input=false", "-json", fails=True).splitlines())
        problems = [line["diagnostic"] for line in lines if line["type"] == "diagnostic"]
        errors = [one for one in problems if one["severity"] == "error"]
        return [" ".join(one["detail"].partition("\n\nThis was ch")[0].split()) for one in errors]

    def apply(self) -> dict[str, Any]:
        """Apply the configuration, and give the values of the module's resources by addresses."""
        self._run("apply", "-input=false", "-auto-approve")
        state = json.loads(self._run("show", "-json"))
        (module,) = state["values"]["root_module"]["child_modules"]
        resources = {one["address"]: one["values"] for one in module["resources"]}
        return {name.removeprefix("module.pipeline."): one for name, one in resources.items()}

    def changes(self) -> list[str]:
        """Give the addresses that another plan would change."""
        self._run("plan", "-input=false", "-out=again")
        plan = json.loads(self._run("show", "-json", "again"))
        changes = plan.get("resource_changes", []) + plan.get("resource_drift", [])
        changed = [one["address"] for one in changes if one["change"]["actions"] != ["no-op"]]
        outputs = plan.get("output_changes", {}).items()
        return changed + [name for name, one in outputs if one["actions"] != ["no-op"]]

    def _run(self, *arguments: str, fails: bool = False) -> str:
        return terraform(self._folder, self._environment, *arguments, fails=fails)


class Applied(NamedTuple):
    """What was made of `EVERYTHING`, what another plan would change, and the template's stack."""

    made: dict[str, Any]
    changes: list[str]
    stack: Stack


def assert_same_variables(made: dict[str, Any], stack: Stack) -> None:
    """Fail unless all functions have the environments of the template's."""
    ours = {
        "arn:aws:secretsmanager:us-east-1:111122223333:secret:TokenSecret-a1B2c3": (
            made["aws_secretsmanager_secret.token[0]"]["arn"]
        ),
        "BackupBucket": made["aws_s3_bucket.backup"]["id"],
    }
    for our, their in FUNCTIONS.items():
        if their not in stack.resources:
            continue
        (block,) = made[f"aws_lambda_function.{our}"]["environment"]
        wanted = stack.properties(their)["Environment"]["Variables"]
        assert block["variables"] == {n: ours.get(v, v) for n, v in wanted.items()}
