"""The Terraform module of the source stack, written from the whole module: `make docs`.

It has what tools/source_stack.py takes from template.yaml. What differs is in its main.tf, which
is written by hand; everything else that this refers to is taken from the whole module.
"""

import re
import sys

from tools.children import ROOT

WHOLE = ROOT / "deploy" / "terraform"
OWN = WHOLE / "source" / "main.tf"
TARGET = WHOLE / "source" / "pipeline.tf"

_BEGIN = "# `make docs` writes this file from ../; tools/source_module.py decides what is in it.\n"

# The destination and the permission of a transformation, the rule of the bucket about tags, the key
# that the stack may generate, and alarms that are about a function.
_LEFT_OUT = re.compile(
    r"""
    (?:^\ \ \#.*\n)*^\ \ dynamic\ "(?:extended_s3_configuration|rule)"\ \{\n[\s\S]*?^\ \ \}\n\n
    | ^\ +local\.is_http\ \?\ \[\]\ :\ \[\n[\s\S]*?^\ {6}\],\n
    | ,\ aws_secretsmanager_secret_version\.key\b
    | (?:^\ {4}\#.*\n)*^\ {4}[a-z-]+\ =\ \{\n(?:^\ {6}.*\n)*?
      ^\ {6}(?:dimensions\ +=.*function_dimension|wanted\ +=\ !local\.is_http).*\n
      (?:^\ {6}.*\n)*^\ {4}\}\n\n?
    """,
    re.MULTILINE | re.VERBOSE,
)
_BLOCK = re.compile(r'^(?:#.*\n)*(\w+)((?: "\w+")*) \{(?:\n[\s\S]*?^)?\}\n', re.MULTILINE)
_LOCAL = re.compile(r"(?:^  #.*\n)*^  (\w+) += .*\n(?:(?:^ {3,}.*|^  [\])}].*)?\n)*", re.MULTILINE)
_NAME = re.compile(r"\b((?:var|local|data\.\w+|aws_\w+)\.\w+)")
_WANTED = re.compile(
    r"aws_cloudwatch_(?:metric_stream|metric_alarm|log_metric_filter)\.|aws_sns_topic_subscription\."
    r"|aws_s3_bucket_\w+\.backup"
)


def source_module(whole: str, own: str) -> str:
    """Return the part of a module that a source stack has.

    Args:
        whole: The files of the whole module.
        own: What the module of the source stack has besides.
    """
    declared = _declared(own)
    items = {n: t for n, t in _declared(_LEFT_OUT.sub("", whole)).items() if n not in declared}
    taken = {name for name in items if _WANTED.match(name)}
    while more := _names(own, *(items[name] for name in taken)) & items.keys() - taken:
        taken |= more
    known = taken | declared.keys()
    taken |= {n for n in items if n.startswith("output.") and _names(items[n]) <= known}
    # Variables first; otherwise in the order of the whole module.
    ordered = sorted(
        taken & items.keys(), key=lambda n: (not n.startswith("var."), [*items].index(n))
    )
    return _BEGIN + "".join(f"\n{items[name]}" for name in ordered)


def _declared(text: str) -> dict[str, str]:
    """Give the blocks and local values of a module, by the names that others refer to them by."""
    found = {}
    for match in _BLOCK.finditer(text):
        kind, labels = match[1], match[2].replace('"', "").split()
        if kind == "locals":
            for local in _LOCAL.finditer(match[0]):
                value = re.sub(r"^(  \w+) += ", r"\1 = ", local[0].rstrip(), flags=re.MULTILINE)
                value = value.replace("\n\n  }", "\n  }")  # where its last part is left out
                found[f"local.{local[1]}"] = f"locals {{\n{value}\n}}\n"
        elif kind in {"variable", "resource", "data", "output"}:
            prefix = {"variable": ["var"], "resource": []}.get(kind, [kind])
            found[".".join([*prefix, *labels])] = match[0]
    return found


def _names(*texts: str) -> set[str]:
    """Give the names that texts refer to."""
    return {name for text in texts for name in _NAME.findall(text)}


def written() -> str:
    """Return what the file has to be."""
    files = sorted(WHOLE.glob("*.tf"))
    whole = "\n".join(path.read_text(encoding="utf-8") for path in files)
    return source_module(whole, OWN.read_text(encoding="utf-8"))


def main() -> int:
    """Write the module."""
    TARGET.write_text(written(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
