"""`make check-parameters`: what would fail in a deployment is said before anything is built."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from testing.containers import required_sam
from tests.support.making import make
from tests.support.stack import ROLE, ROOT, WORKSPACE, source
from tools.parameters import problems

TOKEN = "token-5f0c9e72d1b8"
SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:own-a1B2c3"
NO_REGION = "no AWS region: set AWS_DEFAULT_REGION, or AWS_PROFILE to a profile that has one"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"MetricsToken": TOKEN},
        {"MetricsToken": "none", "TokenSecretArn": SECRET},
        {"MetricsToken": "none", "RemoteWriteAuth": "none"},
        {"LogzioRegion": "", "CreateDashboard": "false", "ReservedConcurrency": "-1"},
        {"IncludeFilters": "AWS/Lambda,AWS/EC2=CPUUtilization+NetworkIn"},
        {"AdditionalStatistics": "p50,p99.9"},
        {"DeliveryBudgetSeconds": "290", "Ingress": "FunctionUrl"},
        {"DeliveryBudgetSeconds": "20"},
        {"PrometheusWorkspaceArn": WORKSPACE, "PrometheusRoleArn": ROLE},
        {"PrometheusRoleArn": ROLE, "Settings": '{"SIGV4_EXTERNAL_ID":"x1"}'},
        {"Settings": ' {"LABEL_VALUE_CASE": "keep", "MAX_LABELS": 30, "LOKI_USERNAME": "1"}'},
        {"Settings": "{}"},
        {"NamingProfile": "yace", "Settings": '{"DIMENSION_LABELS": "snake_case"}'},
        {"Settings": '{"WRITE_RELABEL_CONFIGS": [{"regex": "env", "action": "labeldrop"}]}'},
        {"CreateTags": "true", "TagRoleArns": ROLE, "Settings": '{"TAG_EXTERNAL_ID": "x1"}'},
        {"Settings": '{"TAG_EXTERNAL_ID": "x1"}'},
        {"Settings": '{"EXPORTED_TAGS": ["Team", "Env"], "TAG_FILTERS": {"Team": ["a", "b"]}}'},
        *({"Statistics": it} for it in ("", "Average", "Sum, p*", "p99.9,p0.1,Maximum")),
        {"ExternalLabels": '{"env": "production", "job": ""}', "P8sLogzioName": ""},
    ],
)
def test_right(given: dict[str, str]) -> None:
    """What CloudFormation and the function take is not refused.

    A rule about a parameter that is not given is left to CloudFormation, which knows the stack.
    """
    assert list(problems(given, source(), "us-east-1")) == []


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"MetricsTokn": TOKEN}, "MetricsTokn is no parameter; docs/operations.md says which"),
        ({"LogsToken": TOKEN}, "LogsToken is no parameter; docs/operations.md says which"),
        ({"Architecture": "x86_64"}, "Architecture is no parameter: `make deploy ARCHITECTURE="),
        ({"MetricsToken": "x"}, "MetricsToken must be none, or at least 8 characters"),
        ({"MetricsToken": "TOKEN"}, "MetricsToken must be none, or at least 8 characters"),
        ({"MetricsToken": f"{TOKEN} x"}, "MetricsToken must be none, or at least 8 characters"),
        (
            {"CreateDashboard": "True"},
            "CreateDashboard must be one of true, false; write it in quotes",
        ),
        ({"Ingress": "Alb"}, "Ingress must be one of HttpApi, RestApi, FunctionUrl, Transf"),
        ({"LogzioRegion": "nl"}, "LogzioRegion must be one of nothing, us, eu, uk, ca, au"),
        ({"LogRetentionDays": "15"}, "LogRetentionDays must be one of 1, 3, 5, 7, 14, 30,"),
        ({"FunctionMemoryMB": "255"}, "FunctionMemoryMB must be a whole number from 256 to 10240"),
        ({"FunctionMemoryMB": "1 GB"}, "FunctionMemoryMB must be a whole number from 256 to 10240"),
        ({"ReservedConcurrency": "-2"}, "ReservedConcurrency must be a whole number from -1 to"),
        ({"P8sLogzioName": "x" * 1_025}, "P8sLogzioName must have at most 1024 characters"),
        ({"TokenSecretArn": "arn:x"}, "TokenSecretArn must be empty or the ARN of a secret"),
        (
            {"IncludeFilters": "AWS/EC2, AWS/S3"},
            "IncludeFilters must be up to 20 different entries",
        ),
        ({"AdditionalStatistics": "p50,max"}, "AdditionalStatistics must be percentiles such as"),
        ({"MetricsToken": TOKEN, "TokenSecretArn": SECRET}, "Set MetricsToken or TokenSecretArn"),
        ({"IncludeFilters": "A", "ExcludeFilters": "B"}, "A metric stream includes or excludes"),
        ({"DeliveryBudgetSeconds": "29", "Ingress": "RestApi"}, "An API Gateway gives up after 29"),
        ({"AlarmTarget": "someone"}, "AlarmTarget must be empty, an e-mail address"),
        ({"CreateReplayFunction": "false"}, "CreateReplayFunction is no parameter; docs/oper"),
        ({"MetricsToken": TOKEN, "PrometheusWorkspaceArn": WORKSPACE}, "A workspace takes signat"),
        ({"PrometheusRoleArn": ROLE, "PrometheusWorkspaceArn": ""}, "PrometheusRoleArn has no ef"),
        ({"Settings": "keep"}, "Settings must be a JSON object"),
        (
            {"Settings": "{'MAX_LABELS': 30}"},
            "Settings must be a JSON object of variables and their ",
        ),
        ({"Settings": '{"MAX_LABEL": 30}'}, "Settings must not set MAX_LABEL, which is unknown"),
        (
            {"Settings": '{"MAX_LABELS": 30, "MAX_LABELS": 40}'},
            "Settings must not set MAX_LABELS twice",
        ),
        ({"Settings": '{"MAX_LABELS": 3}'}, "Settings: MAX_LABELS must be a whole number from 10"),
        (
            {"Settings": '{"LOGS_SAMPLE_RATE": 2}'},
            "Settings: LOGS_SAMPLE_RATE must be a number from",
        ),
        (
            {"Settings": '{"LOGZIO_METRICS_TOKEN": "a"}'},
            "Settings must not set LOGZIO_METRICS_TOKEN, which is a secret",
        ),
        (
            {"Settings": '{"P8S_LOGZIO_NAME": "a"}'},
            "Settings must not set P8S_LOGZIO_NAME, which the parameter P8sLogzioName sets",
        ),
        ({"CreateTags": "false", "TagRoleArns": ROLE}, "TagRoleArns has no effect without Create"),
        ({"TagRefreshMinutes": "4"}, "TagRefreshMinutes must be one of 5, 10, 15, 20, 30, 60"),
        ({"TagRoleArns": "tags"}, "TagRoleArns must be empty or ARNs of roles"),
        ({"TransformRetries": "10"}, "TransformRetries is no parameter; docs/operations.md says"),
        ({"Settings": '{"TAG_FILTERS": ["Team"]}'}, "Settings: TAG_FILTERS must be a JSON object"),
        (
            {"TagRoleArns": "", "Settings": '{"TAG_EXTERNAL_ID": "x1"}'},
            "Settings: TAG_EXTERNAL_ID needs TAG_ROLE_ARNS",
        ),
        (
            {"Settings": json.dumps({"TAG_ROLE_ARNS": ROLE})},
            "Settings must not set TAG_ROLE_ARNS, which the parameter TagRoleArns sets",
        ),
        ({"NamingProfile": "prometheus"}, "NamingProfile must be one of logzio, yace, cloudw"),
        *(
            ({"Statistics": it}, "Statistics must list Average, Sum, Minimum, Maximum, Sample")
            for it in ("average", "Average,", "p0", "p0.0", "p100", "Average;Sum", "p99.")
        ),
        ({"ExternalLabels": "env=production"}, "ExternalLabels must be empty or a JSON object"),
        # What the stack would take, and the function refuse.
        ({"ExternalLabels": '{"env": 1}'}, "ExternalLabels: EXTERNAL_LABELS must be a JSON obj"),
        (
            {"Settings": '{"DIMENSION_LABELS": "snake_case"}'},
            "Settings: DIMENSION_LABELS must be keep",
        ),
        (
            {"ListenerUrl": "https://listener.example/api/v1/write#top"},
            "ListenerUrl: LOGZIO_METRICS_LISTENER must be an https:// URL",
        ),
        (
            {
                "RemoteWriteHeadersArn": SECRET,
                "Settings": json.dumps({"REMOTE_WRITE_HEADERS": '{"X-Scope-OrgID":"tenant"}'}),
            },
            "RemoteWriteHeadersArn: REMOTE_WRITE_HEADERS_ARN must not be set together with",
        ),
        # Set only under a condition.
        *(
            (
                {"Settings": json.dumps({variable: value})},
                f"Settings must not set {variable}, which the parameter {parameter} sets",
            )
            for variable, value, parameter in (
                ("FIREHOSE_ACCESS_KEY_ARN", SECRET, "TokenSecretArn"),
                ("LOGZIO_METRICS_TOKEN_ARN", SECRET, "TokenSecretArn"),
                ("LOGS_DESTINATION", "loki", "LogsDestination"),
                ("LOKI_PASSWORD_ARN", SECRET, "LogsTokenSecretArn"),
                ("BD_DATA_TAP_URL", "https://tap.example", "LogsListener"),
            )
        ),
    ],
)
def test_wrong(given: dict[str, str], problem: str) -> None:
    """What would be refused, or ignored without a word, is named."""
    found = list(problems(given, source(), "us-east-1"))
    assert any(it.startswith(problem) for it in found), found
    # CloudFormation and the function say the same of a JSON object, one with more words.
    assert len({it.partition(" of ")[0] for it in found}) == 1
    assert TOKEN not in str(found)


def test_region() -> None:
    """Without a region there is a problem of its own; with one the rules about it are checked."""
    given = {"ListenerUrl": "", "LogzioRegion": "", "PrometheusWorkspaceArn": ""}
    assert list(problems(given, source(), "")) == [NO_REGION]
    assert list(problems(given, source(), "us-east-1")) == []
    (problem,) = problems(given, source(), "sa-east-1")
    assert problem.startswith("No Logz.io region belongs to this AWS region.")


def in_sam(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run SAM's Python, with nothing of this machine's AWS configuration."""
    nothing = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    return subprocess.run(
        [str(required_sam().with_name("python")), *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **nothing, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def check(path: Path | None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Check a file as `make` does."""
    return in_sam("-m", "tools.parameters", str(path or ""), **environment)


REGION = {"AWS_DEFAULT_REGION": "us-east-1"}
UNREADABLE = "is not what its ending says, YAML or TOML"
LINES = "write `Name: value` on each line, and not `Name=value`"


FILES = [
    ("p.yaml", f"# A comment.\nMetricsToken: {TOKEN}\nAdditionalStatistics: [p50, p90]\n", ""),
    ("p.yml", "CreateDashboard: 'false'\nLogzioRegion:\nFunctionMemoryMB: 512\n", ""),
    ("p.yaml", f'{{"MetricsToken": "{TOKEN}", "Settings": "{{\\"MAX_LABELS\\":30}}"}}', ""),
    ("p.yaml", '[{"CreateDashboard": "false"}, {"FunctionMemoryMB": 512}]', ""),
    ("p.yaml", r"""Settings: '{"WRITE_RELABEL_CONFIGS":"- {action: labeldrop, regex: a}"}'""", ""),
    (
        "p.yaml",
        "CreateDashboard: false\n",
        "CreateDashboard must be one of true, false; write it in",
    ),
    (
        "p.yaml",
        '{"CreateDashboard": true}',
        "CreateDashboard must be one of true, false; write it in",
    ),
    ("p.yaml", "  MetricsToken: x\n", "MetricsToken must be none, or at least 8 characters"),
    ("p.yaml", f"MetricsToken={TOKEN}\nLogzioRegion=eu\n", LINES),
    ("p.yaml", f"- MetricsToken={TOKEN}\n", LINES),
    ("p.yaml", "$include: [file://q.yaml]\n", LINES),
    ("p.yaml", '"Ingress" : Alb\n', "Ingress must be one of"),
    (
        "p.yaml",
        '[{"ParameterKey": "A", "ParameterValue": "b"}]',
        "ParameterKey is no parameter",
    ),
    (
        "p.yaml",
        "Settings: {MAX_LABELS: 30}\n",
        "Settings must be a JSON object of variables and",
    ),
    ("p.yaml", f"LogzioRegion: us\nMetricsToken: {TOKEN}: x\n", f"line 2 {UNREADABLE}"),
    ("p.yaml", f"A: x\nA: {TOKEN}\n", f"line 2 {UNREADABLE}"),
    ("p.yaml", f'{{"MetricsToken": "{TOKEN}"', f"line 1 {UNREADABLE}"),
    ("p.json", "{}", "SAM cannot read it: its name must end in .yaml, also if it is JSON"),
    ("p.toml", 'CreateDashboard = "false"\n', ""),
    ("p.toml", f"LogzioRegion = 'us'\nMetricsToken = {TOKEN}\n", f"line 2 {UNREADABLE}"),
    ("p.yaml", f"- {TOKEN}\n", LINES),
    ("p.yaml", "# Nothing.\n", ""),
]
"""A file's name, what is in it, and what is said about it."""

_CHECK_ALL = """
import contextlib, functools, io, json, sys
from samcli import yamlhelper
from tools.parameters import main

# Parsing the template takes most of the time.
yamlhelper.yaml_parse = functools.cache(yamlhelper.yaml_parse)
for path in sys.argv[1:]:
    with contextlib.redirect_stderr(io.StringIO()) as said:
        code = main([path])
    print(json.dumps([path, code, said.getvalue()]))
"""


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, int, str]]:
    """Check all files in one process: for each its path, the exit code and what was said."""
    paths = []
    for name, text, _ in FILES:
        paths.append(tmp_path_factory.mktemp("file") / name)
        paths[-1].write_text(text, encoding="utf-8")
        paths[-1].with_name("q.yaml").write_text(f"P8sLogzioName={TOKEN} b", encoding="utf-8")
    done = in_sam("-c", _CHECK_ALL, *map(str, paths), **REGION)
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "said"), [*enumerate(said for *_, said in FILES)])
def test_file(checked: list[tuple[str, int, str]], number: int, said: str) -> None:
    """A file is read as SAM reads it, and a message names it and repeats no value."""
    path, code, output = checked[number]
    assert code == bool(said), output
    assert output.startswith(f"{path}: {said}" if said else "")
    assert bool(output) == bool(said)
    assert TOKEN not in output


@pytest.mark.slow
def test_what_is_not_there(tmp_path: Path) -> None:
    """A missing file, region or profile is said; a profile's region counts."""
    missing = tmp_path / "parameters.yaml"
    done = check(missing, **REGION)
    assert (done.returncode, done.stderr) == (
        1,
        f"{missing}: SAM cannot read it: there is no such file\n",
    )
    done = check(None)
    assert (done.returncode, done.stderr) == (1, f"{NO_REGION}\n")
    assert "profile (nobody)" in check(None, AWS_PROFILE="nobody").stderr
    config = tmp_path / "config"
    config.write_text("[profile some]\nregion = eu-west-1\n", encoding="utf-8")
    done = check(None, AWS_CONFIG_FILE=str(config), AWS_PROFILE="some")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_deployment_checks_first(tmp_path: Path) -> None:
    """`make deploy` builds nothing where a parameter is wrong; AWS_REGION counts as the region."""
    required_sam()
    path = tmp_path / "parameters.yaml"
    path.write_text("Architecture: x86_64\n", encoding="utf-8")
    done = make("deploy", f"PARAMETERS={path}", environment={"AWS_REGION": "us-east-1"})
    assert done.returncode == 2
    assert f"{path}: Architecture is no parameter" in done.stderr
    assert NO_REGION not in done.stderr
    assert "sam build" not in done.stdout
