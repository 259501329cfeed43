"""What `make build` puts into the zip: what runs, for the chosen processor, and nothing else."""

import difflib
import importlib
import re
from collections import Counter
from pathlib import Path

import pytest

from testing.artifact import RUNTIME_PYTHON, Interpreter, build, runtime_interpreter
from testing.emulator import PROJECT
from tests.support.making import make
from tests.support.stack import FUNCTIONS, Stack
from tools.archive import write_zip

MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
LOCK = (PROJECT / "requirements" / "function.txt").read_text(encoding="utf-8")
PACKAGES = ("handler", "converters", "replay", "tags")
SECOND = "build/x86_64/template.yaml"
ELF_MACHINES = {"x86_64": 62, "arm64": 183}
"""The two bytes at offset 18 of an ELF file, by architecture."""

UNCHECKED_HASH = 0b01
"""The flags of a .pyc file that Python does not compare with its source."""


def locked_names() -> set[str]:
    """Give the packages of the lock, as folders of .dist-info spell them."""
    return {name.replace("-", "_") for name in re.findall(r"^([a-z0-9-]+)==", LOCK, re.MULTILINE)}


def test_boto3_comes_from_the_runtime() -> None:
    """The zip has no AWS SDK, which Lambda's runtime brings; signing and secrets need it."""
    assert not locked_names() & {"boto3", "botocore", "s3transfer"}


@pytest.mark.large
@pytest.mark.parametrize("architecture", ELF_MACHINES)
def test_content(tmp_path: Path, architecture: str) -> None:
    """The zip has code and locked packages, for this processor, below 10 MB; always the same bytes.

    It does not matter when and in what folder it is built.
    """
    interpreter = runtime_interpreter()
    zips = []
    for place in ("one", "another place"):
        folder = build(
            tmp_path / place / "function",
            interpreter or Interpreter(RUNTIME_PYTHON, Path("false")),
            architecture,
            compiled=interpreter is not None,
        )
        write_zip(folder, tmp_path / f"{place}.zip")
        zips.append((tmp_path / f"{place}.zip").read_bytes())
    files = [path for path in folder.rglob("*") if path.is_file()]
    check_packages(folder)
    check_libraries(folder, files, architecture)
    check_no_paths(tmp_path, files)
    if interpreter:
        check_compiled(files)
    # pip writes the path of its own Python into scripts, and their hashes into RECORD.
    assert not list(folder.rglob("RECORD"))
    assert zips[0] == zips[1]
    assert len(zips[0]) < 10_000_000


def check_packages(folder: Path) -> None:
    """Every package is locked, and of the project there are four packages, as they are here."""
    installed = {path.name.split("-")[0] for path in folder.glob("*.dist-info")}
    assert installed
    assert installed <= locked_names()
    own = {path.name for path in folder.iterdir()} & {p.name for p in PROJECT.iterdir()}
    assert own - {"__pycache__"} == set(PACKAGES)
    for package in PACKAGES:
        for kind in ("*.py", "*.tsv"):
            made = {path.relative_to(folder) for path in (folder / package).rglob(kind)}
            ours = {path.relative_to(PROJECT) for path in (PROJECT / package).rglob(kind)}
            assert made == ours
    unwanted = {"tests", "docs", "events", "testing", "tools", "bin"}
    assert not unwanted & {path.name for path in folder.rglob("*") if path.is_dir()}


def check_libraries(folder: Path, files: list[Path], architecture: str) -> None:
    """Every native library is for the architecture, and for the function's Python."""
    libraries = [path for path in files if ".so" in path.suffixes]
    assert {path.relative_to(folder).parts[0] for path in libraries} >= {"cramjam", "google"}
    for path in libraries:
        header = path.read_bytes()[:20]
        assert header[:4] == b"\x7fELF"
        assert int.from_bytes(header[18:20], "little") == ELF_MACHINES[architecture], path.name
        assert f"cpython-{RUNTIME_PYTHON.replace('.', '')}" in path.name or "abi3" in path.name


def check_compiled(files: list[Path]) -> None:
    """Every module has its .pyc file, which nothing compares with the source at a cold start."""
    compiled = [path for path in files if path.suffix == ".pyc"]
    assert len(compiled) == sum(path.suffix == ".py" for path in files)
    for path in compiled:
        assert int.from_bytes(path.read_bytes()[4:8], "little") == UNCHECKED_HASH, path.name


def check_no_paths(folder: Path, files: list[Path]) -> None:
    """No file of the artifact says where it was built; tracebacks name Lambda's own folder."""
    for path in files:
        assert str(folder).encode() not in path.read_bytes(), path


def test_hashes_are_enforced() -> None:
    """Every package of the lock has hashes, which pip is then bound to compare."""
    blocks = re.split(r"^(?=[a-z])", LOCK, flags=re.MULTILINE)[1:]
    assert blocks
    assert all("--hash=sha256:" in block for block in blocks)


@pytest.mark.parametrize(
    ("arguments", "environment", "problem"),
    [
        (["ARCHITECTURE=arm"], {}, "ARCHITECTURE must"),
        ([], {"ARCHITECTURE": "x86_64"}, "ARCHITECTURE must"),
        (["ARTIFACTS_DIR="], {}, "ARTIFACTS_DIR must"),
    ],
    ids=["unknown architecture", "architecture in the environment", "no folder"],
)
def test_wrong_arguments(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], problem: str
) -> None:
    """Nothing is built, and make says why.

    SAM runs this target with the whole environment, which does not decide what the template says.
    """
    folder = f"ARTIFACTS_DIR={tmp_path}"
    done = make("build-MetricStreamFunction", folder, *arguments, environment=environment)
    assert done.returncode == 2
    assert problem in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_versions_agree() -> None:
    """Template, Makefile and tests mean the same Python; handlers exist."""
    functions = Stack(CreateTags="true").of_type("AWS::Lambda::Function")
    assert functions.keys() == set(FUNCTIONS)
    for name, function in functions.items():
        assert function["Runtime"] == f"python{RUNTIME_PYTHON}"
        module, handler = function["Handler"].rsplit(".", 1)
        assert callable(getattr(importlib.import_module(module), handler))
        assert re.search(rf"^build-(\S+ build-)?{name}\b[^:]*: ", MAKEFILE + " ", re.MULTILINE)
    assert f"RUNTIME_PYTHON := {RUNTIME_PYTHON}\n" in MAKEFILE


def test_second_template() -> None:
    """For x86_64 there is a template of its own, which differs in that and in its paths alone."""
    done = make("-B", SECOND)
    assert done.returncode == 0, done.stderr
    first = (PROJECT / "template.yaml").read_text(encoding="utf-8").splitlines()
    second = (PROJECT / SECOND).read_text(encoding="utf-8").splitlines()
    changes = Counter(it for it in difflib.ndiff(first, second) if it[0] in "+-")
    assert changes == {
        "-     Architectures: [arm64]": 1,
        "+     Architectures: [x86_64]": 1,
        "-     CodeUri: .": 1,
        "+     CodeUri: ../..": 1,
        "-       ContentUri: .": 1,
        "+       ContentUri: ../..": 1,
        "+       ContextPath: .": 4,
    }


@pytest.mark.parametrize(
    ("template", "platform"),
    [("template.yaml", "manylinux_2_28_aarch64"), (SECOND, "manylinux_2_28_x86_64")],
)
def test_template_decides_the_processor(tmp_path: Path, template: str, platform: str) -> None:
    """The makefile that SAM finds beside a template builds for the template's processor."""
    assert make("-B", SECOND).returncode == 0
    makefile = str((PROJECT / template).parent / "Makefile")
    done = make("-n", "-f", makefile, "build-ReplayFunction", f"ARTIFACTS_DIR={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert f"--platform {platform} " in done.stdout
