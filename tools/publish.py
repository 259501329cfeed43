"""`make publish`: the stack as files in buckets of the user's, and how to launch it from there.

CloudFormation reads a template from any region, but Lambda reads code only from its own one. So
each region has a bucket, BUCKET-REGION, with the same files in all of them. The published template
is one that SAM has expanded already, since StackSets do not expand any.
"""

import argparse
import copy
import hashlib
import json
import logging
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import boto3
import yaml
from botocore.exceptions import BotoCoreError, ClientError
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from handler import __version__
from tools.children import ROOT
from tools.parameters import problems

ARCHITECTURES = ("arm64", "x86_64")
LAYER = "logs-extension.zip"
SBOM = "sbom.cdx.json"
"""What `make publish` has built, beside function-arm64.zip and function-x86_64.zip."""

TEMPLATES = {"source.yaml": "source stack", "tags-role.yaml": "role for tags"}
CHECKSUMS = "SHA256SUMS"
FOLDER = f"metric-stream-lambda/{__version__}"
"""Where all files are in each bucket."""

_TOKEN = "MetricsToken"
_VARIABLE = "METRICS_TOKEN"
_DOMAINS = {
    "aws": ("console.aws.amazon.com", "amazonaws.com"),
    "aws-cn": ("console.amazonaws.cn", "amazonaws.com.cn"),
    "aws-us-gov": ("console.amazonaws-us-gov.com", "amazonaws.com"),
}
"""By partition, the domains of the console and of S3."""


class PublishError(Exception):
    """It cannot be published so; the message says what to change."""


def template_name(architecture: str) -> str:
    """Return the name of the published template."""
    return f"metric-stream-lambda-{architecture}.json"


def expanded(source: Mapping[str, Any], architecture: str, code: Any, layer: Any) -> dict[str, Any]:
    """Expand the template as CloudFormation's transform does.

    Args:
        source: What template.yaml says.
        architecture: The processor of the functions.
        code: The location of the functions' package.
        layer: The location of the layer.

    Returns:
        A template without a transform.
    """
    template = copy.deepcopy(dict(source))
    template["Globals"]["Function"] |= {"Architectures": [architecture], "CodeUri": code}
    template["Resources"]["LogsExtensionLayer"]["Properties"]["ContentUri"] = layer
    # Nothing that SAM makes of this template depends on the region.
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1"))
    made: dict[str, Any] = translator.translate(template, parameter_values={})
    return made


def _template() -> dict[str, Any]:
    template: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    return template


def release(built: Path, bucket: str) -> dict[str, bytes]:
    """Return all files to publish, by name.

    Code is named by its content: CloudFormation updates a function only if the name changes.

    Args:
        built: The folder with packages, layer and SBOM.
        bucket: The beginning of the buckets' names.
    """
    files: dict[str, bytes] = {}

    def location(name: str) -> dict[str, Any]:
        content = (built / name).read_bytes()
        stem, _, suffix = name.rpartition(".")
        published = f"{stem}-{hashlib.sha256(content).hexdigest()[:16]}.{suffix}"
        files[published] = content
        return {
            "Bucket": {"Fn::Sub": f"{bucket}-${{AWS::Region}}"},
            "Key": f"{FOLDER}/{published}",
        }

    layer = location(LAYER)
    for architecture in ARCHITECTURES:
        code = location(f"function-{architecture}.zip")
        template = expanded(_template(), architecture, code, layer)
        files[template_name(architecture)] = json.dumps(template, indent=1).encode()
    files |= {name: (ROOT / "deploy" / name).read_bytes() for name in TEMPLATES}
    files[SBOM] = (built / SBOM).read_bytes()
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items()]
    files[CHECKSUMS] = "".join(sums).encode()
    return files


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of one region.

    Attributes:
        name: Its name.
        region: Its region.
        owner: The account that it must belong to, since anybody could have taken the name.
    """

    name: str
    region: str
    owner: str

    def check(self) -> None:
        """Raise a PublishError unless the bucket exists, in its region and account."""
        try:
            head = self._client().head_bucket(Bucket=self.name, ExpectedBucketOwner=self.owner)
        except ClientError as error:
            raise PublishError(
                f"Account {self.owner} needs a bucket {self.name} in {self.region}, which you may "
                f"write to (S3 says {error.response['Error']['Code']}). "
                "docs/organisation.md shows how to make it."
            ) from error
        if head["BucketRegion"] != self.region:
            raise PublishError(f"{self.name} is in {head['BucketRegion']}, not in {self.region}.")

    def upload(self, files: Mapping[str, bytes]) -> None:
        """Write the files; templates, which refer to the code, come after it."""
        client = self._client()
        for name, content in files.items():
            client.put_object(
                Bucket=self.name,
                Key=f"{FOLDER}/{name}",
                Body=content,
                ChecksumAlgorithm="SHA256",
                ExpectedBucketOwner=self.owner,
            )

    def url(self, name: str) -> str:
        """Return the address of a file, as CloudFormation takes it."""
        return f"https://{self.name}.s3.{self.region}.{self._domains()[1]}/{FOLDER}/{name}"

    def launch_link(self, name: str, stack: str, values: Mapping[str, str]) -> str:
        """Return the address of the console's page that creates a stack.

        Args:
            name: The published template.
            stack: The name of the stack.
            values: Parameters to fill in. The page ignores those that are not echoed.
        """
        query = {"templateURL": self.url(name), "stackName": stack}
        query |= {f"param_{parameter}": value for parameter, value in values.items()}
        return (
            f"https://{self.region}.{self._domains()[0]}/cloudformation/home?region={self.region}"
            f"#/stacks/create/review?{urlencode(query, quote_via=quote)}"
        )

    def _domains(self) -> tuple[str, str]:
        return _DOMAINS[boto3.Session().get_partition_for_region(self.region)]

    def _client(self) -> Any:
        return boto3.client("s3", region_name=self.region)


def stack_set_commands(
    home: Bucket, regions: Sequence[str], name: str, stack: str, values: Mapping[str, str]
) -> str:
    """Return the commands that deploy a template to an organisation.

    Args:
        home: The bucket of the region to manage the stacks from.
        regions: Where stacks are created.
        name: The published template.
        stack: The name of the StackSet.
        values: Its parameters. The token comes from a variable of the shell.
    """
    values = {_TOKEN: f"@{_VARIABLE}@", **values}
    if "TokenSecretArn" in values:
        values |= {_TOKEN: "none"}
    parameters = json.dumps(
        [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
    )
    quoted = shlex.quote(parameters).replace(f"@{_VARIABLE}@", f"'\"${_VARIABLE}\"'")
    return (
        f"aws cloudformation create-stack-set --region {home.region} --stack-set-name {stack} \\\n"
        f"  --template-url {home.url(name)} \\\n"
        "  --permission-model SERVICE_MANAGED --capabilities CAPABILITY_IAM \\\n"
        "  --auto-deployment Enabled=true,RetainStacksOnAccountRemoval=false \\\n"
        f"  --parameters {quoted}\n"
        f"aws cloudformation create-stack-instances --region {home.region} "
        f"--stack-set-name {stack} \\\n"
        f"  --deployment-targets OrganizationalUnitIds=UNIT --regions {' '.join(regions)}"
    )


def shown_values(file: Path, regions: Sequence[str]) -> dict[str, str]:
    """Read the parameters that a link may show, which are those that are echoed.

    Raises:
        PublishError: A stack in one of the regions would refuse them.
    """
    try:
        given = dict(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    except (OSError, ValueError, TypeError, yaml.YAMLError):
        # The error's own text may repeat a line, and with it a token.
        raise PublishError(f"{file} is no file with `Name: value` on each line.") from None
    values = {str(name): _text_of(value) for name, value in given.items()}
    template = _template()
    for region in regions:
        for problem in problems(values, template, region):
            raise PublishError(f"{file}: {problem}")
    return {
        name: value
        for name, value in values.items()
        if not template["Parameters"][name].get("NoEcho")
    }


def _text_of(value: Any) -> str:
    """Return the text of a parameter, as SAM makes it of a value in YAML."""
    if isinstance(value, list):
        return ",".join(map(_text_of, value))
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def describe(buckets: Sequence[Bucket], stack: str, values: Mapping[str, str]) -> str:
    """Return the links and commands that launch what was published."""
    lines = []
    for bucket in buckets:
        lines += [f"\nLaunch it in {bucket.region}:"]
        for architecture in ARCHITECTURES:
            link = bucket.launch_link(template_name(architecture), stack, values)
            lines += [f"  {architecture:7} {link}"]
    regions = [bucket.region for bucket in buckets]
    name = template_name(ARCHITECTURES[0])
    lines += [
        f"\nLaunch it in each account of an organisational unit; {_VARIABLE} has the token:",
        stack_set_commands(buckets[0], regions, name, stack, values),
        *(f"\nThe {what}: {buckets[0].url(name)}" for name, what in TEMPLATES.items()),
        "docs/organisation.md says who may read these files, and what they are.",
    ]
    return "\n".join(lines)


def main(argv: Sequence[str]) -> int:
    """Publish what is built, or only check the buckets; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.publish", description=__doc__)
    parser.add_argument("--bucket", required=True, help="the beginning of the buckets' names")
    parser.add_argument("--regions", required=True, help="regions, separated by spaces")
    parser.add_argument("--stack", default="metric-stream-lambda", help="the name of the stack")
    parser.add_argument("--parameters", type=Path, help="a file with parameters for the links")
    parser.add_argument("--built", type=Path, help="the folder to publish; none: only check")
    arguments = parser.parse_args(argv)
    # It warns of usage metrics that SAM would send to AWS and that are not sent here.
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    try:
        regions = arguments.regions.split()
        owner = boto3.client("sts", region_name=regions[0]).get_caller_identity()["Account"]
        buckets = [Bucket(f"{arguments.bucket}-{region}", region, owner) for region in regions]
        for bucket in buckets:
            bucket.check()
        file = arguments.parameters
        values = shown_values(file, regions) if file else {}
        if not arguments.built:
            return 0
        files = release(arguments.built, arguments.bucket)
        for bucket in buckets:
            bucket.upload(files)
            print(f"{bucket.name}: {len(files)} files below {FOLDER}/")
    except (PublishError, ClientError, BotoCoreError) as error:
        print(error, file=sys.stderr)
        return 1
    print(describe(buckets, arguments.stack, values))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
