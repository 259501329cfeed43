"""What the stack refuses before anything of it is made, and whether it says what to do."""

import re
import subprocess
from contextlib import nullcontext
from pathlib import Path

import pytest

from handler.errors import SettingsError
from handler.settings import read_settings
from tests.support.stack import ROOT, Stack, parameters, source

AWS_REGIONS = (
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "us-east-1",
    "us-west-2",
)


@pytest.mark.parametrize("region", AWS_REGIONS)
def test_listener_of_the_region(region: str) -> None:
    """Where the function would find no listener the stack is refused, and nowhere else."""
    refused = bool(Stack(region, MetricsToken="t").broken_rules())
    expected = pytest.raises(SettingsError, match="LISTENER") if refused else nullcontext()
    with expected:
        read_settings({"AWS_REGION": region})


@pytest.mark.parametrize(
    "values", [{"LogzioRegion": "us"}, {"ListenerUrl": "https://listener.example/api/v1/write"}]
)
def test_listener_elsewhere(values: dict[str, str]) -> None:
    """In a region without a listener either of two parameters is enough."""
    (said,) = Stack("us-west-2", MetricsToken="t").broken_rules()
    assert "LogzioRegion" in said
    assert "ListenerUrl" in said
    assert not Stack("us-west-2", MetricsToken="t", **values).broken_rules()


@pytest.mark.parametrize("included", range(1, 6))
@pytest.mark.parametrize("excluded", range(1, 6))
def test_one_kind_of_filter(included: int, excluded: int) -> None:
    """No slot of one kind is silently passed over for a slot of the other."""
    include, exclude = f"IncludeNamespace{included}", f"ExcludeNamespace{excluded}"
    assert not Stack(MetricsToken="t", **{include: "AWS/EC2"}).broken_rules()
    assert not Stack(MetricsToken="t", **{exclude: "AWS/S3"}).broken_rules()
    (said,) = Stack(MetricsToken="t", **{include: "AWS/EC2", exclude: "AWS/S3"}).broken_rules()
    assert "not both" in said


@pytest.mark.parametrize("slot", range(1, 4))
def test_whole_statistics(slot: int) -> None:
    """Half a slot of additional statistics is refused, since it would be passed over."""
    namespace, name = f"StatisticsNamespace{slot}", f"StatisticsMetricName{slot}"
    whole = {namespace: "AWS/EC2", name: "CPUUtilization"}
    assert not Stack(MetricsToken="t", **whole).broken_rules()
    for half, value in whole.items():
        (said,) = Stack(MetricsToken="t", **{half: value}).broken_rules()
        assert "both the namespace and the name" in said


def test_patterns_are_put_into_words() -> None:
    """Whoever gives a parameter a value that its pattern refuses is told more than the pattern."""
    for name, declared in parameters().items():
        words = declared.get("ConstraintDescription", "")
        assert words.startswith("must ") == ("AllowedPattern" in declared), name


def checked(given: Path) -> subprocess.CompletedProcess[str]:
    """Run the check that `make deploy` begins with."""
    return subprocess.run(
        ["make", "check-parameters", f"PARAMETERS={given}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_parameters_of_make_deploy(tmp_path: Path) -> None:
    """A file that names every parameter passes."""
    given = tmp_path / "parameters.yaml"
    given.write_text("".join(f"{name}: x\n" for name in parameters()), encoding="utf-8")
    assert checked(given).returncode == 0


@pytest.mark.parametrize("name", ["MetricToken", "metricsToken", "TokenSecret", "MetricStream"])
def test_misspelt_parameter_of_make_deploy(tmp_path: Path, name: str) -> None:
    """A name that the template does not have as a parameter is refused: SAM passes it over."""
    given = tmp_path / "parameters.yaml"
    given.write_text(f"MetricsToken: t\n{name}: x\n", encoding="utf-8")
    done = checked(given)
    assert done.returncode != 0
    assert f"there is no parameter {name}" in done.stderr


def test_missing_parameters_of_make_deploy(tmp_path: Path) -> None:
    """A file that is not there is refused."""
    assert "there is no file" in checked(tmp_path / "none.yaml").stderr


def test_deploying_asks_for_no_parameter() -> None:
    """SAM's --guided is not used: it takes no empty answer for what is not echoed."""
    hidden = [n for n, p in source()["Parameters"].items() if p.get("NoEcho") and not p["Default"]]
    assert hidden
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipes = [line for line in makefile.splitlines() if re.match(r"\t.*\bdeploy\b", line)]
    assert recipes
    assert not any("--guided" in line for line in recipes)
