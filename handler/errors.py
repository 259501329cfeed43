"""
What can stop a delivery before anything is sent.

The tree::

    HandlerError                     carries the status of the answer
    ├── SettingsError          500   the operator's settings are wrong
    ├── SecretError            500   a secret cannot be read from its store
    ├── OutOfTimeError         503   the time was over before all was converted
    └── RequestError                 the delivery cannot be taken as it is
        ├── IngressError       400   an event of no known ingress
        ├── BodyError          400   the body is missing, broken or too large
        ├── AccessKeyMissing   400   no access key where one is needed
        ├── AccessKeyWrong     401   another access key than the expected one
        └── ListenerNotAllowed 400   CUSTOM_LISTENER names a host that is not allowed

Firehose keeps a batch that is answered with any of these and, after its
retries, writes it to the backup bucket. 413 is the one status that would make
it discard the batch, and no class carries it.
"""

from __future__ import annotations


class HandlerError(Exception):
    """Stops a delivery; the text tells the operator what to do."""

    status = 500


class SettingsError(HandlerError):
    """The settings are wrong; the text names every variable at fault."""


class SecretError(HandlerError):
    """A secret cannot be read from its store."""


class OutOfTimeError(HandlerError):
    """The time for the delivery was over before anything could be sent."""

    status = 503


class RequestError(HandlerError):
    """The delivery cannot be taken as it is."""

    status = 400


class IngressError(RequestError):
    """The event is of no known ingress."""


class BodyError(RequestError):
    """The body is missing, broken or too large."""


class AccessKeyMissing(RequestError):  # noqa: N818 - named for what Firehose did, as its documentation does
    """The request has no access key where one is needed."""


class AccessKeyWrong(RequestError):  # noqa: N818 - likewise
    """The request has another access key than the expected one."""

    status = 401


class ListenerNotAllowed(RequestError):  # noqa: N818 - likewise
    """The common attribute CUSTOM_LISTENER names a host that is not allowed."""
