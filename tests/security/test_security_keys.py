"""Keys are compared so that neither time nor the answer tells anything of the expected one."""

import ast
import hmac
import inspect
from pathlib import Path

import pytest

from handler import access
from handler.errors import AccessKeyWrong
from handler.ingress import HttpIngress
from handler.secrets import Secret
from handler.settings import read_settings
from tests.support.secret_stores import Later

CURRENT, PREVIOUS = "QWZ7f3b9e51c8d24a60", "GHV58d3e1c90b7a"
HANDLER = Path(access.__file__).parent


class Watched(str):  # noqa: SLOT000 - it counts
    """A version of a key that knows how often it was made ready for a comparison."""

    encoded = 0

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Count, and encode."""
        self.encoded += 1
        return super().encode(encoding, errors)


class Versions(Secret):
    """A key with a current and a previous version, which nobody can renew."""

    def __init__(self) -> None:
        super().__init__(CURRENT)
        self.both = (Watched(CURRENT), Watched(PREVIOUS))

    def versions(self) -> tuple[str, ...]:
        """Return both."""
        return self.both


def function_of(name: str) -> ast.FunctionDef:
    """Return a function of handler/access.py as it is written."""
    for node in ast.walk(ast.parse(inspect.getsource(access))):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    raise AssertionError(name)


@pytest.mark.parametrize(
    ("given", "looks"), [(CURRENT, 1), (PREVIOUS, 1), ("another", 2), ("", 2), (CURRENT[:-1], 2)]
)
def test_both_versions_are_always_compared(given: str, looks: int) -> None:
    """Whichever version a key equals, or none, each look compares it with all of them."""
    expected = Versions()
    assert access._matches(expected, given) == (looks == 1)
    assert [version.encoded for version in expected.both] == [looks, looks]


def test_digests_are_compared() -> None:
    """What `compare_digest` is given are SHA-256 digests, of which no two differ in length."""
    calls = [node for node in ast.walk(function_of("_equal")) if isinstance(node, ast.Call)]
    comparison, *digests = calls
    assert ast.unparse(comparison.func) == f"hmac.{hmac.compare_digest.__name__}"
    assert [ast.unparse(call.func) for call in digests] == ["_digest", "_digest"]
    lengths = {len(access._digest(key)) for key in ("", "a", CURRENT, "\ud800", "ü" * 1000)}
    assert lengths == {32}
    assert access._digest("a") != access._digest("b")


def test_no_other_comparison_of_keys() -> None:
    """Nowhere in the function is a key compared with == or `in`, but for being there at all."""
    names = {"access_key", "given", "token", "version", "versions"}
    for file in sorted(HANDLER.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Compare):
                continue
            sides = [node.left, *node.comparators]
            has_key = any(
                isinstance(side, ast.Name | ast.Attribute)
                and getattr(side, "attr", getattr(side, "id", "")) in names
                for side in sides
            )
            is_absence = all(isinstance(op, ast.Is | ast.IsNot) for op in node.ops)
            # A user name is looked for in the operator's own token, not in what came in.
            is_syntax = ast.unparse(node) == "':' not in token"
            assert not has_key or is_absence or is_syntax, f"{file.name}: {ast.unparse(node)}"


def delivered_with(key: str) -> HttpIngress:
    """Return the ingress of a delivery with an access key."""
    return HttpIngress({"headers": {"x-amz-firehose-access-key": key}})


def test_wrong_keys_are_answered_alike() -> None:
    """The refusal of a wrong key is the same, however near it comes to the expected one."""
    settings = read_settings(
        {"LOGZIO_REGION": "us", "FIREHOSE_ACCESS_KEY": CURRENT, "LOGZIO_METRICS_TOKEN": "own"}
    )
    keyring = access.Keyring(settings, Later().monotonic)
    told = set()
    for wrong in ("x", CURRENT[:-1], CURRENT + "x", CURRENT.lower(), "own"):
        with pytest.raises(AccessKeyWrong) as caught:
            access.token_for(delivered_with(wrong), settings, keyring)
        told.add((str(caught.value), caught.value.status, caught.value.__cause__))
    assert told == {("the access key is not the expected one", 401, None)}
