"""Target `planted`: a fault behind four conditions, to check that the fuzzer finds faults."""


def check(content: bytes) -> None:
    """Fail for inputs that begin with `fuzz`.

    Chance needs four thousand million inputs for that. A fuzzer that sees how far each byte gets
    needs seconds.
    """
    if content[:1] == b"f" and content[1:2] == b"u" and content[2:3] == b"z":
        assert content[3:4] != b"z", "the planted fault"
