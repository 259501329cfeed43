"""The Terraform module makes what template.yaml makes, from the same parameters."""

import json
import re
import shutil
import subprocess

import pytest

from handler.json_settings import members_in
from handler.settings import VARIABLES as VARIABLES_OF_THE_FUNCTION
from tests.support.policies import DESCRIBE, READ_TAGS, policies
from tests.support.stack import Stack, listed
from tests.support.terraform_module import (
    FUNCTION_TEXTS,
    GLOBALS,
    LINES,
    MODULE,
    OBJECTS,
    ONLY_HERE,
    ORDINARY,
    OUTPUTS,
    PARAMETERS,
    RESOURCES,
    SOURCE,
    TEMPLATE,
    VARIABLES,
    argument,
    assert_same_texts,
    in_words_of_terraform,
    literal,
    snake,
    statements,
    text_argument,
)


def test_every_parameter_has_its_variable() -> None:
    """Each parameter has a variable, and no variable is without a parameter."""
    assert set(VARIABLES) == {snake(name) for name in PARAMETERS} | ONLY_HERE


def test_setting_names_are_those_that_the_function_accepts() -> None:
    """The function takes each name that the module knows in SETTINGS, those of secrets aside."""
    names = json.loads((MODULE / "settings.json").read_text(encoding="utf-8"))
    plain = {name: "1" for name in names if f"{name}_ARN" not in names}
    assert members_in(json.dumps(plain), VARIABLES_OF_THE_FUNCTION) == plain


@pytest.mark.parametrize("name", ORDINARY)
def test_default(name: str) -> None:
    """A variable has the default of its parameter, and its type."""
    parameter, body = PARAMETERS[name], VARIABLES[snake(name)]
    default = json.loads(argument(body, "default"))
    boolean = parameter.get("AllowedValues") == ["true", "false"]
    kind = "bool" if boolean else {"Number": "number", "String": "string"}[parameter["Type"]]
    assert argument(body, "type") == kind
    assert bool(re.search(r"sensitive\s+= true", body)) == parameter.get("NoEcho", False)
    assert default == (parameter["Default"] == "true" if boolean else parameter["Default"])
    assert argument(body, "nullable") == "false"


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
        # Terraform repeats at most 1000 times.
        pattern, limited, _ = parameter["AllowedPattern"].partition(",4096}")
        pattern, limit = (
            (pattern + ",})", f" && length({value}) <= 4096") if limited else (pattern, "")
        )
        wanted.append(f"can(regex({json.dumps(f'^{pattern}$')}, {value})){limit}")
    if "MaxLength" in parameter:
        wanted.append(f"length({value}) <= {parameter['MaxLength']}")
    assert conditions == wanted


@pytest.mark.parametrize("name", ORDINARY)
def test_description(name: str) -> None:
    """A variable is described as its parameter is."""
    wanted = in_words_of_terraform(PARAMETERS[name]["Description"])
    assert text_argument(VARIABLES[snake(name)], "description") == wanted


def test_function() -> None:
    """The function runs the same code in the same way."""
    properties = GLOBALS | RESOURCES["MetricStreamFunction"]["Properties"]
    body = OBJECTS["aws_lambda_function.metric_stream"]
    assert_same_texts(body, properties, FUNCTION_TEXTS)
    assert argument(body, "architectures") == "[var.architecture]"
    assert argument(body, "memory_size") == "var.function_memory_mb"
    assert argument(body, "timeout") == "local.is_api_gateway ? 30 : 300"
    assert argument(body, "source_code_hash") == "filebase64sha256(var.function_zip)"
    assert argument(body, "reserved_concurrent_executions") == "var.reserved_concurrency"


@pytest.mark.parametrize(
    ("name", "theirs"), [("replay", "ReplayFunction"), ("tags", "TagsFunction")]
)
def test_other_functions(name: str, theirs: str) -> None:
    """Replay and tags function run the same code in the same way, with the same variables."""
    properties = GLOBALS | RESOURCES[theirs]["Properties"]
    body = OBJECTS[f"aws_lambda_function.{name}"]
    assert_same_texts(body, properties, FUNCTION_TEXTS)
    assert argument(body, "memory_size") == str(properties["MemorySize"])
    assert argument(body, "timeout") == str(properties["Timeout"])


@pytest.mark.parametrize(("name", "role"), [("replay", "ReplayRole"), ("tags", "TagsRole")])
def test_objects_of_the_bucket(name: str, role: str) -> None:
    """The policies of replay and tags name the same prefixes of the bucket, action by action."""
    policy = OBJECTS[f"aws_iam_role_policy.{name}"]
    ours = set()
    for actions, resources in re.findall(
        r"Action\s+= \[(.*?)\]\n\s+Resource = \[(.*?)\]\n", policy, flags=re.DOTALL
    ):
        for action in re.findall(r'"(s3:\w+)"', actions):
            for prefix in re.findall(r"backup\.arn\}/([^\"]+)", resources) or [""]:
                ours.add((action, prefix))
    theirs = {
        (action, one.removeprefix("arn:of:BackupBucket").removeprefix("/"))
        for whose, statement in policies(Stack(CreateTags="true"))
        if whose == role
        for action in listed(statement["Action"])
        for one in listed(statement["Resource"])
        if action.startswith("s3:")
    }
    assert ours == theirs


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
    unlimited = re.findall(r"Action += (\[[^\]]*\])\n +Resource = \[\"\*\"\]", SOURCE)
    assert [set(literal(it)) for it in unlimited] == [DESCRIBE, READ_TAGS]
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
    blocks = re.findall(r"precondition \{(.*?)\n    \}", SOURCE, flags=re.DOTALL)
    # Those about `settings` name the variables that they refuse.
    ours = {text_argument(one, "error_message") for one in blocks if "${" not in one}
    theirs = [one for rule in TEMPLATE["Rules"].values() for one in rule["Assertions"]]
    said = {one["AssertDescription"] for one in theirs}
    assert ours == {in_words_of_terraform(one) for one in said}


def test_metric_filter() -> None:
    """The filter for 413 looks for the same pattern and counts under the same name."""
    theirs = RESOURCES["TooLargeMetricFilter"]["Properties"]
    body = OBJECTS["aws_cloudwatch_log_metric_filter.too_large"]
    (transformation,) = theirs["MetricTransformations"]
    assert text_argument(body, "pattern") == theirs["FilterPattern"]
    assert text_argument(body, "namespace") == transformation["MetricNamespace"]
    assert text_argument(body, "value") == transformation["MetricValue"]
    assert 'name          = "DeliveriesTooLarge-${var.name}"' in body
    assert argument(body, "count") == "local.has_alarms && local.is_http ? 1 : 0"


def test_dashboard() -> None:
    """The dashboard has the same widgets with the same metrics."""
    text, values = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Sub"]
    body = text.replace("${Tags}", values["Tags"]["If"][1]["Sub"])
    for ours, theirs in (
        ("metric_stream_name", "MetricStream"),
        ("delivery_stream_name", "DeliveryStream"),
        ("function_name", "MetricStreamFunction"),
        ("tags_function_name", "TagsFunction"),
        ("backup_bucket_name", "BackupBucket"),
    ):
        body = body.replace(f"${{{theirs}}}", f"local.{ours}")
    widgets = json.loads(body)["widgets"]
    source = re.sub(r"local\.share_of_answers", argument(SOURCE, "share_of_answers"), SOURCE)
    read = re.findall(
        r"^ {6}title = (\"[^\n]*\")\n {6}stat  = (\"\w+\")\n {6}metrics = (\[.*?\n {6}\])",
        source,
        flags=LINES | re.DOTALL,
    )
    assert [tuple(map(literal, one)) for one in read] == [
        tuple(widget["properties"][key] for key in ("title", "stat", "metrics"))
        for widget in widgets
    ]


def test_layer() -> None:
    """The layer is the same, attached under the same condition, with the same properties."""
    properties = RESOURCES["LogsExtensionLayer"]["Properties"]
    body = OBJECTS["aws_lambda_layer_version.logs_extension"]
    texts = {"description": "Description", "license_info": "LicenseInfo"}
    assert_same_texts(body, properties, texts)
    for kind in ("Runtimes", "Architectures"):
        ours = json.loads(argument(body, f"compatible_{kind.lower()}"))
        assert ours == properties[f"Compatible{kind}"]
    assert (argument(body, "skip_destroy"), properties["RetentionPolicy"]) == ("true", "Retain")
    assert argument(body, "count") == "local.ships_logs ? 1 : 0"
    layers = argument(OBJECTS["aws_lambda_function.metric_stream"], "layers")
    assert layers == "aws_lambda_layer_version.logs_extension[*].arn"


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
