"""A stand-in of S3 with the calls that a sweep of tags makes: GetObject and PutObject."""

from testing.http_server import HttpServer, Reply, Request


class ObjectStore(HttpServer):
    """Objects by their path, `/bucket/key`; signatures are not verified.

    Attributes:
        url: What `AWS_ENDPOINT_URL_S3` must be.
        objects: The objects, which a test may change.
        refused: The code of an error to reply to every call; empty: none.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.refused = ""
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}"

    def respond(self, request: Request) -> Reply:
        """Store or return an object."""
        if self.refused:
            return _error(403, self.refused)
        if request.method == "PUT":
            self.objects[request.path] = request.body
            return Reply(200, {"ETag": '"0"'})
        if request.path not in self.objects:
            return _error(404, "NoSuchKey")
        return Reply(200, {"Content-Type": "binary/octet-stream"}, self.objects[request.path])


def _error(status: int, code: str) -> Reply:
    text = f"<Error><Code>{code}</Code><Message>the stand-in refuses it</Message></Error>"
    return Reply(status, {"Content-Type": "application/xml"}, text.encode())
