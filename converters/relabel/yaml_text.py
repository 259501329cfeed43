"""YAML, without what a list of rules does not need: tags are ignored, aliases refused."""

from typing import Any

import yaml

from converters.errors import RelabelError
from converters.relabel.documents import NO_LIST, Members


def parse_yaml(text: str) -> Any:
    """Return what a text is: `Members`, lists, strings, and None for null.

    Raises:
        RelabelError: It is not YAML; says where.
        RecursionError: It is nested too deeply.
    """
    try:
        return _plain(yaml.compose(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise RelabelError(f"{NO_LIST}; {place}{error.problem}") from None
    except yaml.YAMLError as error:
        raise RelabelError(f"{NO_LIST}; {' '.join(str(error).split())}") from None
    except (OverflowError, ValueError) as error:
        # PyYAML lets out what Python says of an escape such as \U00110000.
        if isinstance(error, RelabelError):
            raise
        raise RelabelError(f"{NO_LIST}; {error}") from None


class _Loader(yaml.SafeLoader):
    """Reads nodes; without aliases, a few of which can stand for millions of nodes."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Return the next node, as PyYAML calls it."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(
                problem="an alias (*name) is not supported: repeat the text, or quote what begins "
                "with *",
                problem_mark=self.get_mark(),
            )
        return super().compose_node(parent, index)


def _plain(node: yaml.Node | None) -> Any:
    if isinstance(node, yaml.MappingNode):
        return Members((_plain(key), _plain(value)) for key, value in node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    if node is None or node.tag == "tag:yaml.org,2002:null":
        return None
    return node.value
