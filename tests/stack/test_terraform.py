"""The Terraform module makes what template.yaml makes, from the same parameters."""

import json
import re
import shutil
import subprocess
from collections import Counter

import pytest

from tests.support.stack import Stack, listed
from tests.support.terraform_module import (
    FUNCTION_TEXTS,
    GLOBALS,
    KINDS,
    LINES,
    MODULE,
    OBJECTS,
    ONLY_HERE,
    ORDINARY,
    OUTPUTS,
    PARAMETERS,
    RESOURCES,
    SHARED_VARIABLES,
    SLOTS,
    SOURCE,
    TEMPLATE,
    TOKENS,
    VARIABLES,
    argument,
    assert_same_texts,
    in_words_of_terraform,
    literal,
    local_variables,
    plain_variables,
    snake,
    statements,
    text_argument,
)


def test_every_parameter_has_its_variable() -> None:
    """Each parameter has a variable, and no variable is without a parameter."""
    wanted = {SLOTS.get(name, snake(name)) for name in PARAMETERS}
    assert set(VARIABLES) == wanted | ONLY_HERE


@pytest.mark.parametrize("name", ORDINARY)
def test_default(name: str) -> None:
    """A variable has the default of its parameter, and its type."""
    parameter, body = PARAMETERS[name], VARIABLES[snake(name)]
    default = json.loads(argument(body, "default"))
    boolean = parameter.get("AllowedValues") == ["true", "false"]
    kind = "bool" if boolean else {"Number": "number", "String": "string"}[parameter["Type"]]
    assert argument(body, "type") == kind
    assert bool(re.search(r"sensitive\s+= true", body)) == parameter.get("NoEcho", False)
    assert (default is None) == (name in TOKENS)
    assert (default or "" if kind == "string" else default) == (
        parameter["Default"] == "true" if boolean else parameter["Default"]
    )
    assert ("nullable    = false" in body) == (name not in TOKENS)


@pytest.mark.parametrize("name", ORDINARY)
def test_validation(name: str) -> None:
    """A variable refuses what its parameter refuses."""
    parameter, variable = PARAMETERS[name], snake(name)
    conditions = re.findall(r"condition\s+= (.*)", VARIABLES[variable])
    value = rf"var.{variable}"
    wanted = []
    if "AllowedValues" in parameter and parameter["AllowedValues"] != ["true", "false"]:
        wanted.append(f"contains({json.dumps(parameter['AllowedValues'])}, {value})")
    if "MinValue" in parameter:
        low, high = parameter["MinValue"], parameter["MaxValue"]
        wanted.append(f"{value} >= {low} && {value} <= {high}")
    if "AllowedPattern" in parameter:
        pattern = json.dumps(f"^{parameter['AllowedPattern']}$")
        wanted.append(f"can(regex({pattern}, {value}))")
    if "MaxLength" in parameter:
        wanted.append(f"length({value}) <= {parameter['MaxLength']}")
    if name in TOKENS:
        wanted = [
            f"{value} == null || {wanted[0]}",
            wanted[1].replace(f"length({value})", f"try(length({value}), 0)"),
        ]
    assert conditions == wanted


@pytest.mark.parametrize("name", ORDINARY)
def test_description(name: str) -> None:
    """A variable is described as its parameter is."""
    wanted = in_words_of_terraform(PARAMETERS[name]["Description"])
    assert text_argument(VARIABLES[snake(name)], "description") == wanted


def test_slots() -> None:
    """Lists are empty by default, as the slots are, and take names as long as those do."""
    for name, variable in SLOTS.items():
        assert re.search(r"^  default += \[\]$", VARIABLES[variable], LINES)
        if name != "AdditionalStatistics":
            assert PARAMETERS[name]["Default"] == ""
            assert f"length(n) <= {PARAMETERS[name]['MaxLength']}" in VARIABLES[variable]
    statistics = json.dumps(PARAMETERS["AdditionalStatistics"]["Default"].split(","))
    assert f"optional(list(string), {statistics})" in VARIABLES["additional_statistics"]


def test_environment() -> None:
    """The function has the same variables with the same values, the token's by ingress."""
    wanted = dict(RESOURCES["MetricStreamFunction"]["Properties"]["Environment"]["Variables"])
    secret = {"If": ["MakesSecret", {"Ref": "TokenSecret"}, {"Ref": "TokenSecretArn"}]}
    nothing = {"Ref": "AWS::NoValue"}
    assert wanted.pop("FIREHOSE_ACCESS_KEY_ARN") == {"If": ["IsHttp", secret, nothing]}
    assert wanted.pop("LOGZIO_METRICS_TOKEN_ARN") == {"If": ["IsTransformation", secret, nothing]}
    body = OBJECTS["aws_lambda_function.metric_stream"]
    arn = "local.token_secret_arn"
    assert f"local.is_http ? {{ FIREHOSE_ACCESS_KEY_ARN = {arn} }} : {{}}," in body
    assert f"local.is_http ? {{}} : {{ LOGZIO_METRICS_TOKEN_ARN = {arn} }}," in body
    assert "local.shared_environment," in body
    own = body.partition("local.shared_environment,")[2]
    assert local_variables(own) == plain_variables(wanted)
    shared = SOURCE.partition("  shared_environment = {\n")[2].partition("\n  }")[0]
    assert local_variables(shared) == plain_variables(SHARED_VARIABLES)


def test_function() -> None:
    """The function runs the same code in the same way."""
    properties = GLOBALS | RESOURCES["MetricStreamFunction"]["Properties"]
    body = OBJECTS["aws_lambda_function.metric_stream"]
    assert_same_texts(body, properties, FUNCTION_TEXTS)
    assert argument(body, "architectures") == "[var.architecture]"
    assert argument(body, "memory_size") == "var.function_memory_mb"
    assert argument(body, "timeout") == "var.function_timeout_seconds"
    assert argument(body, "source_code_hash") == "filebase64sha256(var.function_zip)"
    assert argument(body, "reserved_concurrent_executions") == "var.reserved_concurrency"


def test_processor() -> None:
    """A transformation has the buffers and retries of the parameters, or AWS's defaults."""
    wanted = {
        "NumberOfRetries": ("transform_retries", 3),
        "BufferSizeInMBs": ("buffer_size_mb", 1),
        "BufferIntervalInSeconds": ("buffer_interval_seconds", 60),
    }
    parameters = SOURCE.partition("  processor_parameters = merge(\n")[2].partition("\n  )")[0]
    assert [line.strip() for line in parameters.splitlines()[1:]] == [
        f"var.{variable} == {default} ? {{}} : {{ {name} = var.{variable} }},"
        for name, (variable, default) in wanted.items()
    ]


def test_replay_function() -> None:
    """The replay function runs the same code in the same way, with the same variables."""
    properties = GLOBALS | RESOURCES["ReplayFunction"]["Properties"]
    body = OBJECTS["aws_lambda_function.replay"]
    assert argument(body, "count") == "var.create_replay_function ? 1 : 0"
    assert_same_texts(body, properties, FUNCTION_TEXTS)
    assert argument(body, "memory_size") == str(properties["MemorySize"])
    assert argument(body, "timeout") == str(properties["Timeout"])
    assert "merge(local.shared_environment, {" in body
    assert local_variables(body) == {
        "BACKUP_BUCKET": "aws_s3_bucket.backup.id",
        "LOGZIO_METRICS_TOKEN_ARN": "local.token_secret_arn",
    }
    assert properties["Environment"]["Variables"].keys() == local_variables(body).keys()


def test_objects_of_the_replay() -> None:
    """The policy of the replay names the same prefixes of the bucket, action by action."""
    policy = OBJECTS["aws_iam_role_policy.replay"]
    ours = set()
    for actions, resources in re.findall(
        r"Action\s+= \[(.*?)\]\n\s+Resource = \[(.*?)\]\n", policy, flags=re.DOTALL
    ):
        for action in re.findall(r'"(s3:\w+)"', actions):
            for prefix in re.findall(r"backup\.arn\}/([^\"]+)", resources) or [""]:
                ours.add((action, prefix))
    (replay,) = Stack().properties("ReplayRole")["Policies"]
    theirs = {
        (action, one.removeprefix("arn:of:BackupBucket").removeprefix("/"))
        for statement in replay["PolicyDocument"]["Statement"]
        for action in listed(statement["Action"])
        for one in listed(statement["Resource"])
        if action.startswith("s3:")
    }
    assert ours == theirs


def test_kinds() -> None:
    """There are as many resources of each kind as in the template."""
    theirs = Counter(KINDS.get(one["Type"], one["Type"]) for one in RESOURCES.values())
    ours = Counter(label.split(".")[0] for label in OBJECTS)
    assert {kind: ours[kind] for kind in KINDS.values()} == {
        kind: theirs[kind] for kind in KINDS.values()
    }
    assert set(theirs) - set(KINDS.values()) == {"AWS::CloudWatch::Alarm", "AWS::IAM::Policy"}


def test_permissions_of_the_function() -> None:
    """Each ingress may invoke the function by the permissions that the template grants."""
    ours = set()
    for label, body in OBJECTS.items():
        if label.startswith("aws_lambda_permission."):
            url = re.search(r'function_url_auth_type\s+= "NONE"', body)
            via = re.search(r"invoked_via_function_url\s+= true", body)
            action, principal = text_argument(body, "action"), text_argument(body, "principal")
            ours.add((action, principal, bool(url), bool(via)))
    permissions = [one for one in RESOURCES.values() if one["Type"] == "AWS::Lambda::Permission"]
    theirs = {
        (
            one["Properties"]["Action"],
            one["Properties"]["Principal"],
            one["Properties"].get("FunctionUrlAuthType") == "NONE",
            one["Properties"].get("InvokedViaFunctionUrl") is True,
        )
        for one in permissions
    }
    assert ours == theirs
    assert ("lambda:InvokeFunctionUrl", "*", True, False) in ours
    assert ("lambda:InvokeFunction", "*", False, True) in ours


def test_policies() -> None:
    """Policies name the actions of the template's, and no resource is a mere asterisk."""
    assert not re.search(r"(?i)\b(?:resource|action)s?\s*=\s*\[?\s*\"\*\"", SOURCE)
    theirs = {frozenset(listed(one["Action"])) for one in statements(RESOURCES)}
    lists = re.findall(r"^\s+Action\s+= (\[.*?\]|\".*?\")$", SOURCE, flags=LINES | re.DOTALL)
    assert {frozenset(listed(literal(expression))) for expression in lists} == theirs
    roles = [body for label, body in OBJECTS.items() if label.startswith("aws_iam_role.")]
    boundaries = {argument(body, "permissions_boundary") for body in roles}
    assert boundaries == {"local.permissions_boundary"}
    principals = re.findall(r"Principal = \{ Service = \"(.*)\" \}", SOURCE)
    assert sorted(principals) == sorted(
        one["Principal"]["Service"]
        for one in statements(RESOURCES)
        if isinstance(one.get("Principal"), dict)
    )


def test_rules() -> None:
    """What the template's rules refuse, preconditions refuse in the same words."""
    ours = set()
    for body in OBJECTS.values():
        preconditions = re.findall(r"precondition \{(.*?)\}", body, flags=re.DOTALL)
        ours |= {text_argument(one, "error_message") for one in preconditions}
    # An object of additional_statistics cannot lack what a slot can.
    rules = {name: rule for name, rule in TEMPLATE["Rules"].items() if name != "WholeStatistics"}
    theirs = [one for rule in rules.values() for one in rule["Assertions"]]
    assert ours == {in_words_of_terraform(one["AssertDescription"]) for one in theirs}


def test_outputs() -> None:
    """There are the same outputs."""
    assert set(OUTPUTS) == {snake(name) for name in TEMPLATE["Outputs"]}


def test_format() -> None:
    """All files are as `terraform fmt` writes them."""
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("terraform is not on the PATH")
    done = subprocess.run(
        [terraform, "fmt", "-check", "-recursive", "-diff", str(MODULE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
