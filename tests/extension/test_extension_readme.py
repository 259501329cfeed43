"""The README tells the extension's variables and defaults as the code has them."""

import re

from extension.settings import Settings, read_settings
from extension.variables import retry_settings
from tools.layer import PROJECT, SOURCE

README = (PROJECT / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("\n## The function's own logs\n")[2].partition("\n## ")[0]

NOT_FOR_OPERATORS = {
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_ENDPOINT_URL_SSM",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
}
"""What Lambda sets, or a test that has AWS elsewhere."""


def read_variables() -> set[str]:
    """Give the names of all variables that the code knows: capitals with an underscore."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py"))
    names = set(re.findall(r'"([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)"', text))
    return names - NOT_FOR_OPERATORS


def rows() -> dict[str, str]:
    """Give the defaults in the table of variables, by variable."""
    table = SECTION.partition("\n### Variables\n")[2].partition("\n### ")[0]
    found = re.findall(r"^\| (`.*?`) \| (.*?) \|", table, re.MULTILINE)
    return {
        name: default.strip("` ")
        for names, default in found
        for name in re.findall(r"`(\w+)`", names)
    }


def test_every_variable_is_told() -> None:
    """Whatever the extension reads, or says that it does nothing, the README tells."""
    told = set(re.findall(r"\b[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+\b", SECTION))
    assert read_variables() - told == set()


def test_no_variable_is_made_up() -> None:
    """Whatever the table names is a variable that the extension reads."""
    assert rows().keys() <= read_variables()


def test_defaults() -> None:
    """A number or word in the table's second column is what the settings have by themselves."""
    by_itself: dict[str, object] = read_settings({})._asdict()
    told = {name.lower(): default for name, default in rows().items()}
    told["log_level"] = told.pop("extension_log_level")
    told["sample_rate"] = told.pop("logs_sample_rate")
    compared = told.keys() & set(Settings._fields) - {"types"}
    assert len(compared) >= 8
    for name in compared:
        value = by_itself[name]
        assert told[name] == (f"{value:g}" if isinstance(value, float) else str(value)), name


def test_patience_is_ours() -> None:
    """Where none of the variables is set that make it patient, it is as patient as it is."""
    assert retry_settings({}) is None
    assert rows()["O2_MAX_RETRIES"] == "ours"
