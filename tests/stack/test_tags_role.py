"""deploy/tags-role.yaml: the role by which tags of another account are read."""

import re
from typing import Any

import pytest
from cfnlint import api as cfn_lint
from samtranslator.yaml_helper import yaml_parse

from tests.support.stack import ROOT, Stack, listed

TEXT = (ROOT / "deploy" / "tags-role.yaml").read_text(encoding="utf-8")
TEMPLATE: dict[str, Any] = yaml_parse(TEXT)
READER = "arn:aws:iam::111122223333:role/stack-TagsRole-1"


class RoleStack(Stack):
    """What CloudFormation would make of deploy/tags-role.yaml."""

    def template(self) -> dict[str, Any]:
        """Give the template, which has no rules."""
        return {"Rules": {}, **TEMPLATE}


def test_cfn_lint_accepts_it() -> None:
    """CloudFormation takes it without a transform, as service-managed StackSets require."""
    assert "Transform" not in TEMPLATE
    assert cfn_lint.lint(TEXT, regions=["us-east-1"]) == []


def test_it_allows_what_the_function_reads_in_its_own_account() -> None:
    """Its permissions are those by which the function reads its own account, as documented."""
    own = Stack(CreateTags="true").properties("TagsRole")["Policies"][0]
    (other,) = RoleStack(ReaderRoleArns=READER).properties("TagsReaderRole")["Policies"]
    ours, theirs = (
        {action for s in it["PolicyDocument"]["Statement"] for action in listed(s["Action"])}
        for it in (own, other)
    )
    assert ours == theirs
    text = (ROOT / "docs" / "tags.md").read_text(encoding="utf-8")
    (written,) = re.findall(r"^    permissions .*?\n\n", text, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r'"([a-z-]+:[A-Za-z]+)"', written)) == ours


@pytest.mark.parametrize("external_id", ["", "team-7"])
def test_only_the_tags_function_assumes_it(external_id: str) -> None:
    """It trusts the roles, not their account, and asks for the external id if there is one."""
    given = RoleStack(ReaderRoleArns=f"{READER},{READER}-2", ExternalId=external_id)
    (statement,) = given.properties("TagsReaderRole")["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"AWS": [READER, f"{READER}-2"]}
    condition = {"StringEquals": {"sts:ExternalId": external_id}} if external_id else None
    assert statement.get("Condition") == condition
