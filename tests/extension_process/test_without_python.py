"""The launcher without a Python: the function goes on, and one line says what is missing."""

import shutil
import sys
from pathlib import Path

import pytest

from testing.lambda_services.extension_process import ExtensionProcess
from testing.lambda_services.faults import Faults
from testing.lambda_services.services import LambdaServices
from tools.layer import EXECUTABLE, fill

SHELLS = {
    name: (path, "sh") if name == "busybox" else (path,)
    for name in ("bash", "dash", "busybox")
    if (path := shutil.which(name))
}
OLD_PYTHONS = sorted(Path.home().glob(".pyenv/versions/3.[678].*/bin/python3"))
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def executable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the executable of an unpacked layer."""
    folder = tmp_path_factory.mktemp("layer")
    fill(folder)
    return folder / "extensions" / EXECUTABLE


def path_with(folder: Path, *programs: Path | str) -> str:
    """Return a PATH on which only some programs are found."""
    folder.mkdir()
    for program in map(Path, programs):
        (folder / program.name).symlink_to(program if program.is_absolute() else found(program))
    return str(folder)


def found(program: Path) -> str:
    """Return the path of a program of this machine."""
    path = shutil.which(program)
    assert path, f"{program} is not installed"
    return path


def assert_waits(
    executable: Path, path: str, shell: tuple[str, ...], faults: Faults | None = None
) -> None:
    """Fail unless it is ready, holds up no invocation, says one line, and ends at SHUTDOWN."""
    environ = {"PATH": path, "http_proxy": NOWHERE, "HTTP_PROXY": NOWHERE}
    with (
        LambdaServices(faults=faults) as services,
        ExtensionProcess(services, executable, environ, python=shell) as run,
    ):
        run.wait_ready()
        assert [it.events for it in services.extensions] == [{"SHUTDOWN"}]
        for _ in range(2):
            services.invoke(["line"])
        ended = run.shutdown()
        assert (ended.exit_code, ended.killed) == (0, False), run.output
        assert run.output.startswith(b"metric-stream-logs: no logs are shipped: ")
        assert run.output.count(b"\n") == 1
        assert services.calls.count("/init/error") == services.calls.count("/exit/error") == 0


@pytest.mark.parametrize("client", ["curl", "bash"])
@pytest.mark.parametrize("shell", SHELLS)
def test_no_python(executable: Path, tmp_path: Path, shell: str, client: str) -> None:
    """In each shell it waits, with curl or with bash alone, and uses no proxy."""
    path = path_with(tmp_path / "bin", client)
    assert_waits(executable, path, SHELLS[shell])


@pytest.mark.parametrize("client", ["curl", "bash"])
def test_services_that_fail(executable: Path, tmp_path: Path, client: str) -> None:
    """A call that fails is made again."""
    faults = Faults(register_failures=1, next_failure_every=2, next_failure="reset")
    path = path_with(tmp_path / "bin", client, "sleep")
    assert_waits(executable, path, SHELLS["bash"], faults)


@pytest.mark.skipif(not OLD_PYTHONS, reason="no Python before 3.9 is installed")
def test_python_is_too_old(executable: Path, tmp_path: Path) -> None:
    """A Python that the extension cannot run on is as good as none."""
    path = path_with(tmp_path / "bin", OLD_PYTHONS[-1], "curl", "sh")
    assert_waits(executable, path, ())


# As Debian's python3-minimal, which has not all of the standard library.
INCOMPLETE = """\
#!{python} -I
import runpy, sys
sys.modules["{module}"] = None
sys.argv = [it for it in sys.argv[1:] if not it.startswith("-")]
if any(sys.argv):
    runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("module", ["gzip", "ssl"])
def test_python_is_incomplete(executable: Path, tmp_path: Path, module: str) -> None:
    """A Python without a module that the extension imports is as good as none."""
    path = path_with(tmp_path / "bin", "curl", "sh")
    program = Path(path, "python3")
    program.write_text(INCOMPLETE.format(python=sys.executable, module=module), encoding="utf-8")
    program.chmod(0o755)
    assert_waits(executable, path, ())


BROKEN = {
    "loader": "#!/nowhere/ld-linux.so.2\n",
    "shared library": "#!/bin/sh\necho error while loading shared libraries >&2\nexit 127\n",
    "standard library": "#!/bin/sh\n[ $1 = -V ] || ! echo Fatal Python error >&2\n",
}


@pytest.mark.parametrize("missing", BROKEN)
def test_python_does_not_start(executable: Path, tmp_path: Path, missing: str) -> None:
    """A Python that cannot start, for want of what it is made of, is as good as none."""
    path = path_with(tmp_path / "bin", "curl", "sh")
    program = Path(path, "python3")
    program.write_text(BROKEN[missing], encoding="utf-8")
    program.chmod(0o755)
    assert_waits(executable, path, ())


def test_no_client(executable: Path, tmp_path: Path) -> None:
    """With neither curl nor bash it cannot register: it says so, and ends."""
    path = path_with(tmp_path / "bin", "sleep")
    with (
        LambdaServices() as services,
        ExtensionProcess(services, executable, {"PATH": path}, python=SHELLS["dash"]) as run,
    ):
        assert run.wait_ended() == 127
        assert b"no logs are shipped" in run.output
