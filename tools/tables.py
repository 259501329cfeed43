"""The tables of the documents, written from the code: `make docs`.

Settings come from the settings.py of handler/ and tags/, parameters from template.yaml, variables
of the Terraform module from its own files. Each table is between two markers.
"""

import ast
import inspect
import itertools
import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from handler import settings
from handler.further_variables import EXTENSION_VARIABLES, TAG_VARIABLES
from tags import settings as tag_settings
from tools.children import ROOT
from tools.report import write_between_markers


def settings_table() -> str:
    """Return the function's settings."""
    return _declared_table(settings.Settings, settings.DECLARED)


def tag_settings_table() -> str:
    """Return the settings of the tags function alone."""
    return _declared_table(tag_settings.TagSettings, tag_settings.DECLARED)


def _declared_table(declaring: type, all_declared: Sequence[object]) -> str:
    body = _class_body(inspect.getsource(declaring), declaring.__name__)
    rows = []
    for assignment, text in itertools.pairwise(body):
        if isinstance(assignment, ast.Assign) and isinstance(text, ast.Expr):
            (target,) = assignment.targets
            declared = vars(declaring)[ast.unparse(target)]
            meaning = " ".join(str(ast.literal_eval(text.value)).split())
            rows.append((f"`{declared.variable}`", _code(declared.default), meaning))
    assert len(rows) == len(all_declared), "each setting needs a docstring"
    return _table(("setting", "default", "description"), rows)


def _class_body(source: str, name: str) -> Sequence[ast.stmt]:
    (found,) = (
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and node.name == name
    )
    return found.body


def parameters_table() -> str:
    """Return the stack's parameters, a table for each of their groups."""
    template = yaml_parse((ROOT / "template.yaml").read_text(encoding="utf-8"))
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    tables = []
    for group in groups:
        rows = [_parameter(name, template["Parameters"][name]) for name in group["Parameters"]]
        table = _table(("parameter", "default", "description"), rows)
        tables.append(f"## {group['Label']['default']}\n\n{table}")
    return "\n\n".join(tables)


def _parameter(name: str, declared: dict[str, Any]) -> tuple[str, str, str]:
    meaning = _with_json_as_code(declared["Description"])
    if "MinValue" in declared:
        meaning += f" {declared['MinValue']} to {declared['MaxValue']}."
    return f"`{name}`", _code(str(declared["Default"])), meaning


def terraform_table() -> str:
    """Return the Terraform module's variables."""
    rows = []
    for path in sorted((ROOT / "deploy" / "terraform").glob("variables*.tf")):
        blocks = re.findall(
            r'^variable "(\w+)" \{\n(.*?)^\}',
            path.read_text(encoding="utf-8"),
            re.MULTILINE | re.DOTALL,
        )
        for name, body in blocks:
            default = re.search(r"^  default += (.*)$", body, re.MULTILINE)
            (meaning,) = re.findall(r'^  description += "(.*)"$', body, re.MULTILINE)
            meaning = _with_json_as_code(meaning.replace('\\"', '"'))
            rows.append((f"`{name}`", _code(default[1]) if default else "required", meaning))
    return _table(("variable", "default", "description"), rows)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _with_json_as_code(text: str) -> str:
    return re.sub(r"(\{.*?\})", r"`\1`", text)


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    # Not aligned: a longer cell would change every line.
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)


TABLES: dict[str, tuple[str, Callable[[], str]]] = {
    "settings": ("docs/settings.md", settings_table),
    "tag-settings": ("docs/settings.md", tag_settings_table),
    "parameters": ("docs/parameters.md", parameters_table),
    "terraform": ("deploy/terraform/README.md", terraform_table),
}
"""By the name of its markers: the document, and what makes the table."""


SETTING_NAMES = "deploy/terraform/settings.json"
"""What the Terraform module accepts in `settings`."""


def setting_names() -> str:
    """Return the names of all variables that SETTINGS may hold, as a JSON array."""
    own = {name for name in settings.VARIABLES if not name.startswith("AWS_")} - {"SETTINGS"}
    return json.dumps(sorted(own | EXTENSION_VARIABLES | TAG_VARIABLES), indent=2) + "\n"


def write(root: Path = ROOT) -> None:
    """Write every table into its document below a folder."""
    for name, (document, table) in TABLES.items():
        write_between_markers(root / document, name, table())
    (root / SETTING_NAMES).write_text(setting_names(), encoding="utf-8")


if __name__ == "__main__":
    write()
