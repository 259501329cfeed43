"""What can stop a delivery before anything is sent, and the one error that leaves the function.

The trees::

    HandlerError                     has the status of the answer
    ├── SettingsError          500   the operator's settings are wrong
    ├── SecretError            500   a secret cannot be read from its store
    ├── CredentialsError       401   there are no AWS credentials, or STS gives none for the role
    │   └── StsUnavailable     503   STS cannot be reached, or is busy
    ├── OutOfTimeError         503   the time was up before all was converted
    └── RequestError                 the delivery cannot be accepted as it is
        ├── IngressError       400   an event of no known ingress
        ├── BodyError          400   the body is missing, broken or too large
        ├── AccessKeyMissing   400   no access key where one is needed
        ├── AccessKeyWrong     401   a different access key than expected
        └── ListenerNotAllowed 400   CUSTOM_LISTENER names a host that is not allowed

    UndeliveredError           503   fails the invocation, of a data transformation only

Firehose keeps a batch that is answered with any of the first tree and, after its
retries, writes it to the backup bucket. 413 is the one status that would make
it discard the batch, and no class carries it.
"""


class HandlerError(Exception):
    """Stops a delivery; its text says what the operator should do."""

    status = 500


class SettingsError(HandlerError):
    """The settings are wrong; the text names every variable at fault."""


class SecretError(HandlerError):
    """A secret cannot be read from its store."""


class CredentialsError(HandlerError):
    """There are no AWS credentials to sign with, or STS gives none for the role."""

    status = 401


class StsUnavailable(CredentialsError):  # noqa: N818 - named for what has happened
    """STS cannot be reached, or is busy; it may give the credentials later."""

    status = 503


class OutOfTimeError(HandlerError):
    """The time for the delivery was up before anything could be sent."""

    status = 503


class RequestError(HandlerError):
    """The delivery cannot be accepted as it is."""

    status = 400


class IngressError(RequestError):
    """The event is of no known ingress."""


class BodyError(RequestError):
    """The body is missing, broken or too large."""


class AccessKeyMissing(RequestError):  # noqa: N818 - named for what Firehose did, as its documentation does
    """The request has no access key where one is needed."""


class AccessKeyWrong(RequestError):  # noqa: N818 - likewise
    """The request has a different access key than expected."""

    status = 401


class ListenerNotAllowed(RequestError):  # noqa: N818 - likewise
    """The common attribute CUSTOM_LISTENER names a host that is not allowed."""


class UndeliveredError(Exception):
    """The listener was not available, or the time was up; the text has all errors.

    Firehose invokes a data transformation again only if the invocation fails.
    """
