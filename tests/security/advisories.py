"""A source of advisories on loopback that speaks OSV's query API (POST /v1/query)."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KNOWN_BAD = {"urllib3==1.24.1": ["PYSEC-2020-148"]}
"""What any source of advisories knows."""


class AdvisorySource:
    """
    Knows some vulnerabilities, and nothing of all other packages.

    Args:
        known: By package as `name==version`: the ids of its advisories.
        status: What every request is answered with.
        schema: The version of OSV's schema that advisories are written in.

    Attributes:
        url: Where it listens.
        asked: Each package that was asked for.
    """

    def __init__(
        self,
        known: Mapping[str, Sequence[str]] | None = None,
        status: int = 200,
        schema: str = "1.6.0",
    ) -> None:
        self.asked: list[str] = []
        source, advisories = self, KNOWN_BAD if known is None else known

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                package = f"{query['package']['name']}=={query['version']}"
                source.asked.append(package)
                found = [
                    _advisory(name, query["package"], schema)
                    for name in advisories.get(package, ())
                ]
                body = json.dumps({"vulns": found} if found else {}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
                """Write nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/query"

    def __enter__(self) -> Self:
        """Start to answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _advisory(name: str, package: Mapping[str, str], schema: str) -> dict[str, Any]:
    """Write an advisory as OSV does ("Open Source Vulnerability format", 1.6)."""
    events = [{"introduced": "0"}, {"fixed": "99.0"}]
    return {
        "schema_version": schema,
        "id": name,
        "summary": "something bad",
        "affected": [
            {
                "package": {"ecosystem": package["ecosystem"], "name": package["name"]},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
    }
