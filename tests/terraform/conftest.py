"""Terraform, with the module applied to the stand-in for its AWS provider (tools/terraform)."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.stack import Stack
from tests.support.terraform_module import snake
from tests.support.terraform_runs import (
    EVERYTHING,
    STRUCTURED,
    Applied,
    Deployment,
    serving_provider,
)


@pytest.fixture(scope="session")
def environment() -> Iterator[dict[str, str]]:
    """The environment of Terraform's commands."""
    with serving_provider() as environment:
        yield environment


@pytest.fixture
def deployment(tmp_path: Path, environment: dict[str, str]) -> Deployment:
    """A configuration with the module's defaults and a token."""
    return Deployment(tmp_path, environment)


@pytest.fixture(scope="session")
def everything(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Applied]:
    """Apply `EVERYTHING` with an ingress, once."""

    @functools.cache
    def applied(ingress: str) -> Applied:
        deployment = Deployment(tmp_path_factory.mktemp(ingress), environment)
        variables: dict[str, Any] = {
            snake(name): value for name, value in EVERYTHING.items()
        } | STRUCTURED
        made = deployment.configure(ingress=ingress, **variables).apply()
        return Applied(made, deployment.changes(), Stack(Ingress=ingress, **EVERYTHING))

    return applied
