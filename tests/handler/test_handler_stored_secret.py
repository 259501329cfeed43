"""A secret in a store, as threads need it: when it is fetched, and what stays known."""

import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from handler.errors import SecretError
from handler.secrets import StoredSecret
from tests.support.clocks import SOON
from tests.support.secret_stores import MINUTE, Later

OLD, NEW = "GHV58d3e1c90b7a", "QWZ7f3b9e51c8d24a60"


REFUSED = "cannot read the secret of VARIABLE_ARN: OSError"
BROKEN = "the secret of VARIABLE_ARN begins with { and is not JSON"


def refusing() -> tuple[str, ...]:
    """Fetch nothing, with an error that repeats the secret."""
    raise OSError(f"not {NEW}")


def stored(
    later: Later, *fetches: Callable[[], tuple[str, ...]], warnings: list[str] | None = None
) -> StoredSecret:
    """Make a secret that is fetched in these ways, one after the other."""
    warn = ([] if warnings is None else warnings).append
    left = iter(fetches)

    def fetch() -> tuple[str, ...]:
        return next(left)()

    return StoredSecret("VARIABLE_ARN", fetch, later.monotonic, warn)


def test_threads_fetch_once() -> None:
    """Threads that need a secret at the same time fetch it once."""
    both = threading.Barrier(4)
    twice = threading.Event()

    def fetch() -> tuple[str, ...]:
        # Long enough for the others to come here too, where nothing holds them up.
        twice.wait(0.1)
        return (NEW, OLD)

    def again() -> tuple[str, ...]:
        twice.set()
        raise AssertionError

    secret = stored(Later(), fetch, again)

    def versions() -> tuple[str, ...]:
        both.wait(SOON)
        return secret.versions()

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(versions) for _ in range(4)]
    assert {future.result() for future in futures} == {(NEW, OLD)}


def test_failed_first_fetch() -> None:
    """A secret is fetched at each use until it is there; no error or cause shows a part of it."""
    secret = stored(Later(), refusing, lambda: (f"{{{NEW}",), lambda: (OLD,))
    for problem in (REFUSED, BROKEN):
        with pytest.raises(SecretError) as caught:
            secret.versions()
        assert str(caught.value) == problem
        assert NEW not in "".join(traceback.format_exception(caught.value))
        assert secret.seen() == ()
    assert secret.versions() == secret.seen() == (OLD,)


def test_renewing() -> None:
    """A renewal within a minute of the last one does nothing; what was current stays known."""
    later = Later()
    secret = stored(later, lambda: (OLD,), lambda: (NEW,), refusing, lambda: (NEW, "x"))
    assert secret.versions() == (OLD,)
    for expected, changed in (((NEW, OLD), True), ((NEW, OLD), False), ((NEW, "x"), True)):
        later.ahead += MINUTE - 1
        before = secret.versions()
        assert (secret.renew(), secret.versions()) == (False, before)
        later.ahead += 1
        assert (secret.renew(), secret.versions()) == (changed, expected)


def test_failures_of_renewing() -> None:
    """A failed renewal is reported once, with the error's name and without its text."""
    later, warnings = Later(), list[str]()
    fetches = (lambda: (OLD,), refusing, lambda: ("{",), lambda: (NEW,))
    secret = stored(later, *fetches, warnings=warnings)
    secret.versions()
    for _ in range(3):
        later.ahead += MINUTE
        secret.renew()
    end = "; the known version stays in use"
    assert warnings == [REFUSED + end, BROKEN + end]
    assert secret.versions() == (NEW, OLD)


def test_known_versions_while_the_store_stalls() -> None:
    """A thread that needs a known secret does not wait while another one renews it."""
    later, asked, answering = Later(), threading.Event(), threading.Event()

    def stall() -> tuple[str, ...]:
        asked.set()
        answering.wait(4 * SOON)
        return (NEW,)

    secret = stored(later, lambda: (OLD,), stall)
    secret.versions()
    later.ahead += MINUTE
    with ThreadPoolExecutor(2) as pool:
        renewed = pool.submit(secret.renew)
        assert asked.wait(SOON)
        try:
            assert pool.submit(secret.versions).result(SOON) == (OLD,)
        finally:
            answering.set()
        assert renewed.result(SOON)
    assert secret.versions() == (NEW, OLD)
