"""What `sam local` makes of the template before it needs a container."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from testing.containers import sam_python
from tests.support.stack import ROOT

_RESOLVE = """
import json, sys
from unittest.mock import Mock
from samcli.commands.local.cli_common.invoke_context import InvokeContext
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.local.docker.container_client_factory import ContainerClientFactory

# Nothing below uses the container engine, but SAM connects to it before.
ContainerClientFactory.create_client = Mock()
for parameters in json.loads(sys.argv[2]):
    with InvokeContext(
        sys.argv[1], env_vars_file="events/env.json", aws_region="us-east-1",
        parameter_overrides=parameters,
    ) as context:
        functions = {}
        for function in SamFunctionProvider(context.stacks).get_all():
            config = context.local_lambda_runner.get_invoke_config(function)
            functions[config.name] = {
                "architecture": config.architecture,
                "handler": config.handler,
                "layers": [layer.name for layer in config.layers],
                "variables": config.env_vars.resolve(),
            }
        print(json.dumps(functions))
"""


@dataclass(frozen=True, slots=True)
class LocalFunction:
    """A function as `sam local` would run it.

    Attributes:
        architecture: The processor of its container.
        handler: The dotted name of its handler.
        layers: Names of its layers.
        variables: Its environment variables.
    """

    architecture: str
    handler: str
    layers: list[str]
    variables: dict[str, str]


def local_functions(
    *parameters: Mapping[str, str], template: str = "template.yaml"
) -> list[dict[str, LocalFunction]]:
    """Resolve a template for each set of parameters, with the variables of events/env.json.

    Returns:
        For each set, the functions by name.

    Raises:
        MissingProgramError: SAM is not installed.
    """
    done = sam_python(_RESOLVE, template, json.dumps(parameters), folder=ROOT)
    assert done.returncode == 0, done.stderr
    resolved: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    return [{name: LocalFunction(**it) for name, it in made.items()} for made in resolved]
