"""`make publish`: what is in the buckets, and what is printed to launch it."""

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import pytest
from cfnlint import api as cfn_lint
from moto import mock_aws

from tests.support.making import make
from tests.support.stack import ARN, Stack
from tools.publish import ARCHITECTURES, FOLDER, LAYER, SBOM, main, release, template_name

BUCKET = "acme-metrics"
REGIONS = ("eu-central-1", "us-east-1")
CODE = {"function-arm64.zip": b"for arm64", "function-x86_64.zip": b"for x86", LAYER: b"a layer"}
PARAMETERS = """
MetricsToken: the-secret-token
ListenerUrl: https://metrics.example/write?tenant=a&b=c
IncludeFilters: AWS/EC2=CPUUtilization+NetworkIn,AWS/RDS
P8sLogzioName: "it's 100 % new"
CreateDashboard: false
"""


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Make a folder with what `make publish` has built."""
    folder = tmp_path / "built"
    folder.mkdir()
    for name, content in {**CODE, SBOM: b"{}"}.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Run S3 with a bucket in each region; give the clients."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        made = {region: boto3.client("s3", region_name=region) for region in REGIONS}
        made["us-east-1"].create_bucket(Bucket=f"{BUCKET}-us-east-1")
        made["eu-central-1"].create_bucket(
            Bucket=f"{BUCKET}-eu-central-1",
            CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
        )
        yield made


def publish(*arguments: str, bucket: str = BUCKET, regions: str = " ".join(REGIONS)) -> int:
    """Run the tool."""
    return main(["--bucket", bucket, "--regions", regions, *arguments])


def published(clients: dict[str, Any], region: str) -> dict[str, bytes]:
    """Read everything in the bucket of a region."""
    bucket = f"{BUCKET}-{region}"
    listed = clients[region].list_objects_v2(Bucket=bucket).get("Contents", [])
    keys = [item["Key"] for item in listed]
    return {k: clients[region].get_object(Bucket=bucket, Key=k)["Body"].read() for k in keys}


def test_every_region_gets_the_same_files(built: Path, clients: dict[str, Any]) -> None:
    """All buckets have the same bytes, each of which the checksums name."""
    assert publish("--built", str(built)) == 0
    files, *others = (published(clients, region) for region in REGIONS)
    assert others == [files]
    names = {key.removeprefix(f"{FOLDER}/"): content for key, content in files.items()}
    sums = names.pop("SHA256SUMS").decode()
    assert [line.split("  ") for line in sums.splitlines()] == [
        [hashlib.sha256(names[line[66:]]).hexdigest(), line[66:]] for line in sums.splitlines()
    ]
    assert {line[66:] for line in sums.splitlines()} == names.keys()
    assert {re.sub(r"-[0-9a-f]{16}\.", ".", name) for name in names} == {
        *CODE,
        *(template_name(architecture) for architecture in ARCHITECTURES),
        *(SBOM, "source.yaml"),
    }


def test_code_is_named_by_its_content(built: Path) -> None:
    """Other code has another name, so that an update of a stack updates its functions."""
    before = release(built, BUCKET).keys()
    (built / "function-arm64.zip").write_bytes(b"newer")
    assert len(release(built, BUCKET).keys() - before) == 1


def without_code(stack: Stack) -> dict[str, Any]:
    """Give what a stack makes, but for the code and what depends on it: hashes, the processor."""
    left_out = {"Code", "Content", "Architectures", "Layers"}
    return {
        re.sub("^LogsExtensionLayer.*", "LogsExtensionLayer", name): {
            key: value for key, value in resource["Properties"].items() if key not in left_out
        }
        for name, resource in stack.resources.items()
        if "Properties" in resource
    }


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_published_template(built: Path, architecture: str) -> None:
    """It has no transform, and makes what template.yaml does, with the code of its architecture."""
    files = release(built, BUCKET)
    text = files[template_name(architecture)].decode()
    assert "Transform" not in json.loads(text)
    assert "AWS::Serverless" not in text
    values = {"MetricsToken": "a-token-of-tests", "LogsTokenSecretArn": ARN}

    class Published(Stack):
        def template(self) -> dict[str, Any]:
            made: dict[str, Any] = json.loads(text)
            return made

    stack = Published(**values)
    assert without_code(stack) == without_code(Stack(**values))
    functions = list(stack.of_type("AWS::Lambda::Function").values())
    (layer,) = stack.of_type("AWS::Lambda::LayerVersion").values()
    assert [function["Architectures"] for function in functions] == [[architecture]] * 2
    for code in (*(function["Code"] for function in functions), layer["Content"]):
        assert code["S3Bucket"] == f"{BUCKET}-us-east-1"
        name = LAYER if code is layer["Content"] else f"function-{architecture}.zip"
        assert files[code["S3Key"].removeprefix(f"{FOLDER}/")] == CODE[name]


@pytest.mark.large
def test_cfn_lint_accepts_the_published_template(built: Path) -> None:
    """CloudFormation's own rules hold in what SAM has made."""
    text = release(built, BUCKET)[template_name("arm64")].decode()
    assert cfn_lint.lint(text, regions=["us-east-1"]) == []


@pytest.mark.parametrize(
    ("region", "host", "bucket"),
    [
        ("eu-central-1", "eu-central-1.console.aws.amazon.com", "s3.eu-central-1.amazonaws.com"),
        ("us-east-1", "us-east-1.console.aws.amazon.com", "s3.us-east-1.amazonaws.com"),
    ],
)
def test_launch_link(
    built: Path,
    clients: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    region: str,
    host: str,
    bucket: str,
) -> None:
    """It opens the template with the parameters of the file, encoded, and without the token."""
    file = tmp_path / "parameters.yaml"
    file.write_text(PARAMETERS, encoding="utf-8")
    assert publish("--built", str(built), "--stack", "metrics", "--parameters", str(file)) == 0
    output = capsys.readouterr().out
    assert "the-secret-token" not in output
    link = next(word for word in output.split() if word.startswith(f"https://{host}/"))
    url = urlsplit(link)
    assert (url.path, url.query) == ("/cloudformation/home", f"region={region}")
    path, _, query = url.fragment.partition("?")
    assert path == "/stacks/create/review"
    assert not re.search(r"[^\w.~%&=-]", query)
    template = f"https://{BUCKET}-{region}.{bucket}/{FOLDER}/{template_name('arm64')}"
    assert parse_qs(query) == {
        "templateURL": [template],
        "stackName": ["metrics"],
        "param_ListenerUrl": ["https://metrics.example/write?tenant=a&b=c"],
        "param_IncludeFilters": ["AWS/EC2=CPUUtilization+NetworkIn,AWS/RDS"],
        "param_P8sLogzioName": ["it's 100 % new"],
        "param_CreateDashboard": ["false"],
    }
    assert f"{FOLDER}/{template_name('arm64')}" in published(clients, region)
    assert unquote(query).count(template) == 1


def test_stack_set_command(
    built: Path, clients: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A shell runs it with the same parameters, and with the token from its own variable."""
    assert clients
    file = tmp_path / "parameters.yaml"
    file.write_text(PARAMETERS, encoding="utf-8")
    assert publish("--built", str(built), "--parameters", str(file)) == 0
    output = capsys.readouterr().out
    commands = output[output.index("aws cloudformation") : output.index("\n\nThe source stack")]
    program = 'aws() { for word in "$@"; do printf "%s\\0" "$word"; done; printf "\\0"; }\n'
    done = subprocess.run(
        ["bash", "-euc", program + commands],
        env={"METRICS_TOKEN": "a-token"},
        capture_output=True,
        text=True,
        check=True,
    )
    create, instances = (call.split("\0") for call in done.stdout.strip("\0").split("\0\0"))
    assert create[:2] == ["cloudformation", "create-stack-set"]
    assert create[create.index("--permission-model") + 1] == "SERVICE_MANAGED"
    given = json.loads(create[create.index("--parameters") + 1])
    assert {p["ParameterKey"]: p["ParameterValue"] for p in given} == {
        "MetricsToken": "a-token",
        "ListenerUrl": "https://metrics.example/write?tenant=a&b=c",
        "IncludeFilters": "AWS/EC2=CPUUtilization+NetworkIn,AWS/RDS",
        "P8sLogzioName": "it's 100 % new",
        "CreateDashboard": "false",
    }
    assert instances[:2] == ["cloudformation", "create-stack-instances"]
    assert instances[instances.index("--regions") + 1 :] == list(REGIONS)


@pytest.mark.parametrize(
    ("bucket", "regions", "said"),
    [
        (BUCKET, "eu-central-1 eu-west-1", "needs a bucket acme-metrics-eu-west-1 in eu-west-1"),
        ("other", "us-east-1", "needs a bucket other-us-east-1 in us-east-1"),
    ],
)
def test_missing_bucket(
    built: Path,
    clients: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    bucket: str,
    regions: str,
    said: str,
) -> None:
    """Nothing is uploaded anywhere unless every region has its bucket."""
    assert publish("--built", str(built), bucket=bucket, regions=regions) == 1
    assert said in capsys.readouterr().err
    assert [published(clients, region) for region in REGIONS] == [{}, {}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("LogLevel: DEBUG\n", "LogLevel is no parameter"),
        ("IncludeFilters: AWS/EC2, AWS/RDS\n", "IncludeFilters must be up to 20 different entries"),
        ("Settings: {MAX_LABELS: 30}\n", "Settings must be a JSON object"),
        ("MetricsToken=the-secret-token\n", "is no file with `Name: value` on each line"),
        ("MetricsToken: [the-secret-token\n", "is no file with `Name: value` on each line"),
        (None, "is no file with `Name: value` on each line"),
    ],
)
def test_wrong_file_of_parameters(
    built: Path,
    clients: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str | None,
    said: str,
) -> None:
    """What cannot be a parameter is said before anything is uploaded, and no token is repeated."""
    file = tmp_path / "parameters.yaml"
    if text:
        file.write_text(text, encoding="utf-8")
    assert publish("--built", str(built), "--parameters", str(file)) == 1
    errors = capsys.readouterr().err
    assert said in errors
    assert "the-secret-token" not in errors
    assert [published(clients, region) for region in REGIONS] == [{}, {}]


def test_bucket_of_another_region(
    clients: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """A bucket that lies elsewhere than its name says is refused: Lambda could not read it."""
    clients["eu-central-1"].create_bucket(
        Bucket=f"{BUCKET}-us-west-2",
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
    )
    assert publish(regions="us-west-2") == 1
    assert "is in eu-central-1, not in us-west-2" in capsys.readouterr().err


def test_bucket_of_another_account(
    built: Path, clients: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request names the account that the bucket must belong to; S3 refuses any other."""
    sent: list[bytes] = []
    real = boto3.client

    def recorded(service: str, **options: Any) -> Any:
        client = real(service, **options)
        client.meta.events.register(
            "before-send.s3",
            lambda request, **_: sent.append(request.headers["x-amz-expected-bucket-owner"]),
        )
        return client

    monkeypatch.setattr(boto3, "client", recorded)
    assert publish("--built", str(built), regions="us-east-1") == 0
    assert len(sent) == 1 + len(published(clients, "us-east-1"))
    assert set(sent) == {b"123456789012"}


@pytest.mark.parametrize("variables", [["REGIONS=us-east-1"], [f"BUCKET={BUCKET}"]], ids=str)
def test_missing_variables(variables: list[str]) -> None:
    """Make says which variable is missing before it builds anything."""
    done = make("publish", *variables)
    assert done.returncode == 2
    assert re.search(r"(BUCKET|REGIONS) must name", done.stderr)
