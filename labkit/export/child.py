"""Do one step in a process of its own: its memory comes back, its noise goes to a log."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import sleep
from typing import IO, Any

from .. import errors, machine
from ..errors import ExportError, LabError
from ..files import is_no_room

N_LAST_LINES = 6
OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
}


Told = Callable[[str, int, int], None]
"""Called with the part of a long step, how far it is, and its end."""


def call(module: str, function: str, *, log: Path, **arguments: Any) -> tuple[Any, int]:  # noqa: ANN401 - JSON
    """Run `labkit.export.<module>.<function>(**arguments)` in a child, offline.

    Args:
        module: Module of this room.
        function: Function there; it takes and returns what JSON can hold.
        log: The child's output is appended here.
        arguments: Of the function.

    Returns:
        What the function returned, and the child's peak memory in bytes.

    Raises:
        LabError: What the child raised, or that it died, with the last lines of its log.
    """
    return _called(module, function, arguments, log, None)


def follow(
    module: str,
    function: str,
    told: Told,
    *,
    log: Path,
    **arguments: Any,  # noqa: ANN401 - JSON
) -> tuple[Any, int]:
    """As `call`, for a step with an argument `progress`, the file that it says how far it is in.

    When `told` raises, the child is ended.
    """
    return _called(module, function, arguments, log, told)


def _called(
    module: str, function: str, arguments: dict[str, Any], log: Path, told: Told | None
) -> tuple[Any, int]:
    with TemporaryDirectory() as folder, log.open("a", encoding="utf-8") as output:
        result, progress = Path(folder) / "result.json", Path(folder) / "progress.json"
        command = [sys.executable, "-m", __package__, module, function, str(result)]
        text = json.dumps(arguments | ({"progress": str(progress)} if told else {}))
        code = _run(command, text, output, (progress, told) if told else None)
        if not result.is_file():
            raise _death(f"{module}.{function}", code, log)
        answer = json.loads(result.read_text(encoding="utf-8"))
    if "full" in answer:
        raise _no_room(f"{module}.{function}", log.parent)
    if "error" in answer:
        raise _as_error(answer["error"], log)
    return answer["value"], answer["peak_bytes"]


def _run(command: list[str], text: str, output: IO[str], told: tuple[Path, Told] | None) -> int:
    """Run a command to its end, telling how far it is; return its exit code."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": output, "stderr": output}
    with subprocess.Popen(command, text=True, env=_env(), **pipes) as process:
        try:
            with suppress(BrokenPipeError):  # it died at once: its log says why
                process.stdin.write(text)  # type: ignore[union-attr]
                process.stdin.close()  # type: ignore[union-attr]
            last = ""
            while told and process.poll() is None:
                last = _tell(*told, last)
                sleep(0.1)
            return process.wait()
        except BaseException:
            process.kill()
            raise


def _tell(file: Path, told: Told, last: str) -> str:
    """Tell what the child wrote to its progress file, if that is news; return what is there."""
    found = file.read_text(encoding="utf-8") if file.is_file() else ""
    if found != last:
        told(*json.loads(found))
    return found


def write_progress(file: str) -> Told:
    """Return a function that a step calls to say how far it is; `call` tells it on."""
    place = Path(file)

    def done(part: str, at: int, end: int) -> None:
        new = place.with_suffix(".part")
        new.write_text(json.dumps([part, at, end]), encoding="utf-8")
        new.replace(place)

    return done


def serve(module: str, function: str, result: Path) -> None:
    """Be the child of `call`: JSON arguments on standard input, the answer to a file."""
    arguments = json.load(sys.stdin)
    Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    try:
        value = getattr(import_module(f"{__package__}.{module}"), function)(**arguments)
        answer = {"value": value, "peak_bytes": machine.peak_bytes()}
    except LabError as error:
        answer = {"error": [type(error).__name__, error.problem, error.hint]}
    except MemoryError:
        answer = {"error": ["ExportError", *_out_of_memory(f"{module}.{function}")]}
    except Exception as error:
        if not is_no_room(error):
            raise
        answer = {"full": True}
    part = result.with_suffix(".part")
    part.write_text(json.dumps(answer), encoding="utf-8")
    part.replace(result)


def _end_with_parent(parent: int) -> None:
    """Leave when the parent is gone: nobody would read the answer, and memory is scarce."""
    while os.getppid() == parent:
        sleep(0.5)
    os._exit(1)


def _env() -> dict[str, str]:
    return machine.child_environment() | OFFLINE


def _as_error(parts: list[str], log: Path) -> LabError:
    name, problem, hint = parts
    kind = getattr(errors, name)
    error = kind(problem, hint=hint)
    if not isinstance(error, LabError):
        raise _death(name, 1, log)
    return error


def _death(what: str, code: int, log: Path) -> ExportError:
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return ExportError(*_out_of_memory(what))
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    tail = "\n    ".join(["", *lines[-N_LAST_LINES:]])
    return ExportError(f"{what} ended with code {code}:{tail}", hint=f"The whole log is in {log}.")


def _no_room(what: str, folder: Path) -> ExportError:
    hint = "Free some space, then start it again."
    return ExportError(f"The disk of {folder} is full: {what} could not write its files.", hint)


def _out_of_memory(what: str) -> tuple[str, str]:
    hint = "Close other kernels, or export on a machine with more memory."
    return f"{what} was killed, most likely for lack of memory.", hint
