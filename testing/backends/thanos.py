"""Thanos Receive: the good samples beside a refused one are stored, and 409 is answered."""

from collections import Counter
from collections.abc import Sequence

from testing.backends.backend import Backend, Limits, Refusal, failure
from testing.backends.head import Kind, Sample
from testing.http_server import Reply


class Thanos(Backend):
    """Receivers that each store every request.

    Args:
        limits: Those of labels do not apply. Beyond `max_series` nothing at all is taken.
        replicas: How many receivers there are; each names its own refusals, which are the same.
        failing_commits: How many requests, from the first on, are not stored since the commit
            fails; the status is the same where samples were refused, too.
    """

    def __init__(
        self, limits: Limits | None = None, replicas: int = 1, failing_commits: int = 0
    ) -> None:
        super().__init__(limits)
        self._replicas = replicas
        self._failing_commits = failing_commits

    def _turn_away(self, samples: Sequence[Sample]) -> Reply | None:
        most = self.limits.max_series
        if most is not None and len(self.stored) >= most:
            return failure(429, "tenant is above active series limit")
        if self._failing_commits:
            self._failing_commits -= 1
            kinds = [kind for kind in self._judge(samples) if kind is not None]
            texts = [*_added(kinds), "commit samples: write to WAL: no space left on device"]
            return failure(409 if kinds else 500, self._everywhere(texts))
        return None

    def _refuse(self, refusals: Sequence[Refusal]) -> Reply:
        return failure(409, self._everywhere(_added([refusal.kind for refusal in refusals])))

    def _everywhere(self, texts: Sequence[str]) -> str:
        """Return the words of all receivers; the first has the request, and forwards it."""
        own = "store locally for endpoint {0}: " + _joined(texts)
        forwarded = (
            "forwarding request to endpoint {0}: rpc error: code = AlreadyExists desc = " + own
        )
        return _joined(
            [
                (forwarded if number else own).format(f"thanos-receive-{number}:10901")
                for number in range(self._replicas)
            ]
        )


def _added(kinds: Sequence[Kind]) -> list[str]:
    """Return a text for each kind of refusal: how many samples there were."""
    texts = Counter(
        Kind.OUT_OF_BOUNDS.value if kind is Kind.FUTURE else kind.value for kind in kinds
    )
    return [f"add {number} samples: {text}" for text, number in texts.items()]


def _joined(texts: Sequence[str]) -> str:
    """Return the words of several errors, each once and in the order of the alphabet."""
    unique = sorted(set(texts))
    count = f"{len(unique)} errors: " if len(unique) > 1 else ""
    return count + "; ".join(unique)
