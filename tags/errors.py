"""What can go wrong in a sweep.

The tree::

    TagsError          a step of the sweep has failed, and the rest goes on
    ├── ReadingError   AWS does not answer a call about an account
    └── StateError     the series of the last sweep cannot be read or written
"""

import contextlib
import re
from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from handler.secrets import error_code

_DENIED = re.compile(r"(?i)accessdenied|unauthorized|notauthorized")
_THROTTLED = re.compile(r"(?i)throttl|toomany|limitexceeded|slowdown")

# AWS's own words name the caller and the policy that denies; more than this helps nobody.
_MOST_WORDS = 400


class TagsError(Exception):
    """A step of the sweep has failed; the text says which one, and what the operator does."""


class ReadingError(TagsError):
    """AWS does not answer a call about an account; its cause is botocore's error.

    Args:
        account: The account, 12 digits.
        action: What was called, as IAM names it, such as `tag:GetResources`.
        problem: Why there is no answer, and what the operator does.

    Attributes:
        account: The account.
        action: What was called.
    """

    def __init__(self, account: str, action: str, problem: str) -> None:
        super().__init__(f"account {account}: {action}: {problem}")
        self.account = account
        self.action = action


class StateError(TagsError):
    """The series of a sweep cannot be kept until the next one, or are damaged."""


@contextlib.contextmanager
def calling(account: str, action: str) -> Iterator[None]:
    """Raise a ReadingError for each error of AWS's calls.

    Such as a TimeoutError of `tags.accounts.Pace`, or a KeyError: the answer is not AWS's.

    Args:
        account: The account, 12 digits.
        action: What is called, as IAM names it.
    """
    try:
        yield
    except (BotoCoreError, ClientError, ResponseParserError, TimeoutError, KeyError) as error:
        raise ReadingError(account, action, _problem(action, error)) from error


def _problem(action: str, error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the time for the sweep was over; TAG_FILTERS selects fewer resources"
    code = error_code(error)
    words = f"{code}: {str(error)[:_MOST_WORDS]}"
    if not isinstance(error, ClientError):
        return f"{words}; in a private network the function needs a NAT gateway or an endpoint"
    if action == "sts:AssumeRole":
        return (
            f"{words}; the role must trust the function's role, ask for no other external id than "
            "TAG_EXTERNAL_ID, and the function's role must be allowed sts:AssumeRole on it"
        )
    if _DENIED.search(code):
        return f"{words}; the role that reads this account needs {action}"
    if _THROTTLED.search(code):
        return f"{words}; what else calls it in this account uses up the limit"
    return words
