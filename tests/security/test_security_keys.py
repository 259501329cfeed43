"""Keys are compared so that neither time nor answer says anything about the expected one."""

import pytest

from handler import access
from handler.errors import AccessKeyWrong
from handler.ingress import HttpIngress
from handler.secrets import Secret
from handler.settings import read_settings
from tests.support.secret_stores import Later

CURRENT, PREVIOUS = "QWZ7f3b9e51c8d24a60", "GHV58d3e1c90b7a"


class Watched(str):  # noqa: SLOT000 - it counts
    """A version of a key that counts how often it was prepared for a comparison."""

    encoded = 0

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """Count, and encode."""
        self.encoded += 1
        return super().encode(encoding, errors)


class Versions(Secret):
    """A key with a current and a previous version, which cannot be renewed."""

    def __init__(self) -> None:
        super().__init__(CURRENT)
        self.both = (Watched(CURRENT), Watched(PREVIOUS))

    def versions(self) -> tuple[str, ...]:
        """Return both."""
        return self.both


@pytest.mark.parametrize(
    ("given", "looks"), [(CURRENT, 1), (PREVIOUS, 1), ("another", 2), ("", 2), (CURRENT[:-1], 2)]
)
def test_both_versions_are_always_compared(given: str, looks: int) -> None:
    """Whichever version a key equals, or none, it is compared with all of them each time."""
    expected = Versions()
    assert access._matches(expected, given) == (looks == 1)
    assert [version.encoded for version in expected.both] == [looks, looks]


def test_digests_are_compared() -> None:
    """What is compared are SHA-256 digests, of which no two differ in length."""
    lengths = {len(access._digest(key)) for key in ("", "a", CURRENT, "\ud800", "ü" * 1000)}
    assert lengths == {32}
    assert access._digest("a") != access._digest("b")


def test_wrong_keys_are_answered_alike() -> None:
    """The refusal of a wrong key is the same, however near it comes to the expected one."""
    settings = read_settings(
        {"LOGZIO_REGION": "us", "FIREHOSE_ACCESS_KEY": CURRENT, "LOGZIO_METRICS_TOKEN": "own"}
    )
    keyring = access.Keyring(settings, Later().monotonic)
    refusals = set()
    for wrong in ("x", CURRENT[:-1], CURRENT + "x", CURRENT.lower(), "own"):
        ingress = HttpIngress({"headers": {"x-amz-firehose-access-key": wrong}})
        with pytest.raises(AccessKeyWrong) as caught:
            access.token_for(ingress, settings, keyring)
        refusals.add((str(caught.value), caught.value.status, caught.value.__cause__))
    assert refusals == {("the access key is not the expected one", 401, None)}
