"""The steps of one piece of work: told as they begin, done in children, not done twice."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from ..files import read_json, write_json
from .check import Parity
from .child import call, follow

Emit = Callable[..., None]


@dataclass
class Work:
    """Where things lie while one model is worked on, and what was found so far.

    What a step returned is kept in the work folder; asked again with the same arguments, it is
    read from there. So a step must leave its files whole, and nobody may remove them alone.
    """

    folder: Path
    """Intermediate files."""

    log: Path
    """Output of the steps that run as processes of their own."""

    emit: Emit
    stages: tuple[str, ...]
    found: dict[str, Any] = field(default_factory=dict)
    done: int = 0

    @property
    def answers(self) -> Path:
        """What the tuned model answers, as `check.Reference` saves it."""
        return self.folder / "answers"

    @property
    def merged(self) -> Path:
        """The model with its adapter in its weights."""
        return self.folder / "merged"

    @property
    def merged_answers(self) -> Path:
        """What that model answers before it is written."""
        return self.folder / "merged-answers"

    def call(self, name: str, step: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        """Do a step of `steps`, or of another module as `module.step`, in a child, once."""
        do = partial(call, *_found(step), log=self.log, **arguments)
        return self.once(name, {"step": step, "arguments": arguments}, do)

    def call_long(self, name: str, step: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        """As `call`, for a step that takes an argument `progress`; observers are told it."""

        def told(part: str, at: int, end: int) -> None:
            self.emit("stage", name=f"{name}: {part}", done=at, total=end)

        do = partial(follow, *_found(step), told, log=self.log, **arguments)
        return self.once(name, {"step": step, "arguments": arguments}, do)

    def once(self, name: str, asked: Any, do: Callable[[], tuple[Any, int]]) -> Any:  # noqa: ANN401 - JSON
        """Return what a step returned; note its peak memory and time under `name`.

        Args:
            name: Of the step.
            asked: What it depends on; with other values it is done again.
            do: Does it; returns its value and its peak memory in bytes.
        """
        file = self.folder / "steps" / f"{name.replace(' ', '-')}.json"
        kept = read_json(file)
        if kept.get("asked") != json.loads(json.dumps(asked)):
            began = perf_counter()
            value, peak = do()
            kept = {"value": value, "peak_bytes": peak, "seconds": perf_counter() - began}
            file.parent.mkdir(exist_ok=True)
            write_json(file, {"asked": asked, **kept})
        self.note(name, kept["peak_bytes"], kept["seconds"])
        return kept["value"]

    def tell(self, name: str, found: dict[str, Any]) -> Parity:
        """Note a comparison with kept answers under `name`, and tell it to observers."""
        self.found.setdefault("parity", {})[name] = found
        self.emit("parity", precision=name, **found)
        return Parity(**found)

    def stage(self, name: str) -> None:
        """Tell observers which stage begins."""
        self.emit("stage", name=name, done=self.done, total=max(len(self.stages), self.done + 1))
        self.done += 1

    def note(self, name: str, peak_bytes: int, seconds: float | None = None) -> None:
        """Note the most memory a process of this step held, and what it took."""
        self.found.setdefault("peak_bytes", {})[name] = peak_bytes
        if seconds is not None:
            self.found.setdefault("seconds", {})[name] = round(seconds, 3)

    def take_out(self, name: str, part: str, seconds: float) -> None:
        """Note a part of a step's time as a step of its own."""
        took = self.found["seconds"]
        took |= {name: round(took[name] - seconds, 3), part: round(seconds, 3)}


def _found(step: str) -> tuple[str, str]:
    """Return the module and the function of a step."""
    module, _, function = step.rpartition(".")
    return module or "steps", function


@contextmanager
def cleaned(work: Work) -> Iterator[None]:
    """Have an empty work folder inside, and none afterwards."""
    shutil.rmtree(work.folder, ignore_errors=True)
    work.folder.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(work.folder, ignore_errors=True)


@contextmanager
def resumable(folder: Path, fingerprint: str) -> Iterator[None]:
    """Have a work folder inside, what an earlier attempt left of the same thing in it.

    It goes when the work is done; a stop or a failure leaves it for the next attempt.
    """
    mark = folder / "fingerprint"
    if not mark.is_file() or mark.read_text(encoding="utf-8") != fingerprint:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        mark.write_text(fingerprint, encoding="utf-8")
    yield
    shutil.rmtree(folder)
