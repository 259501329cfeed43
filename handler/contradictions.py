"""Settings that contradict each other, and what the operator can do about it."""

from collections.abc import Mapping
from typing import Any

from converters.profiles.profile import NamingProfile
from handler import naming, sigv4
from handler.auth import Auth


def contradictions(values: Mapping[str, Any], given: Mapping[str, str]) -> list[str]:
    """Return what is wrong with settings that are right one by one.

    Args:
        values: The value of each variable.
        given: The text of each variable that is set.
    """
    problems = [
        f"{name}_ARN must not be set together with {name}"
        for name in ("LOGZIO_METRICS_TOKEN", "FIREHOSE_ACCESS_KEY", "REMOTE_WRITE_HEADERS")
        if given.get(name) and given.get(f"{name}_ARN")
    ]
    problems += [
        f"SETTINGS must not set {name}, which is also a variable of its own"
        for name in values["SETTINGS"]
        if given.get(name)
    ]
    profile: type[NamingProfile] = values["NAMING_PROFILE"]
    if values["DIMENSION_LABELS"] not in profile.dimension_styles:
        problems.append(
            f"DIMENSION_LABELS must be {' or '.join(profile.dimension_styles)} with NAMING_PROFILE="
            f"{naming.profile_name(profile)}: remove it, or set NAMING_PROFILE=yace"
        )
    scheme: type[Auth] = values["REMOTE_WRITE_AUTH"]
    problem = scheme.problem_with(values["LOGZIO_METRICS_TOKEN"] or "")
    if values["LOGZIO_METRICS_TOKEN"] and problem:
        problems.append(f"LOGZIO_METRICS_TOKEN {problem}")
    problem = scheme.problem_with_headers(values["REMOTE_WRITE_HEADERS"])
    if problem:
        problems.append(f"REMOTE_WRITE_HEADERS {problem}")
    return problems + sigv4.contradictions(values, given)
