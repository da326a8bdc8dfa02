"""What is asked of a ladder, and whether it can be had at all."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ExportError
from ..runtime.targets import choose
from .architectures import check_exportable, read_config
from .builder import SPARE, fp32_bytes
from .gates import Gates
from .held_out import N_PARITY_ROWS, N_PARITY_TOKENS, HeldOut
from .kept import Prints, values_print, weights_print
from .tuned import Tuned, check_parts, refuse_unexportable
from .whole import check_whole

SIZES = {"fp32": 1.0, "int8": 0.8, "int4": 0.7}
"""Disk a rung takes while it is made, as a share of the model in fp32: a quantised one is written
twice, the second time with its embedding tied."""


@dataclass(frozen=True)
class Request:
    """What to make of a tuned model."""

    precisions: tuple[str, ...] = ("int8",)
    """Names of `PRECISIONS`, the largest first."""

    target: str = "cpu"
    """Execution provider the models are made for."""

    gates: Gates = field(default_factory=Gates)
    """How far a quantised rung may be from the tuned model."""

    accept: bool = False
    """Keep rungs beyond their gates."""

    int4: str = "auto"
    """How int4 weights are found."""

    tune_seconds: float = 0.0
    """Time to spend on session settings; 0 for none."""

    seed: int = 0
    """Seed of what int4 learns and of bootstraps."""

    @property
    def runs_on(self) -> str:
        """What the models are checked and measured on; `auto` is picked when they are there."""
        return "cpu" if self.target == "auto" else self.target


def check_request(tuned: Tuned, out: Path, request: Request, held_out: HeldOut) -> Prints:
    """Refuse what cannot be made before anything is loaded; return what it is made from.

    Raises:
        ExportError: The target, the model, the rows or the disk.
    """
    choose(request.runs_on)
    refuse_unexportable(tuned.spec)
    check_exportable(tuned.base)
    check_parts(tuned)
    check_whole(tuned)
    check_rows(held_out)
    out.mkdir(parents=True, exist_ok=True)
    prints = prints_of(tuned, request, held_out)
    _check_disk(tuned, out, request, held_out)
    return prints


def prints_of(tuned: Tuned, request: Request, held_out: HeldOut) -> Prints:
    """Return the fingerprints of what is asked."""
    question = held_out.question()
    return Prints(
        weights=weights_print(tuned.learned or tuned.base),
        rows=values_print(list(map(list, held_out.prompts)), list(map(list, held_out.text)),
                          question, held_out.wanted, request.target),
        int4=values_print(request.int4, request.seed),
    )  # fmt: skip


def check_rows(held_out: HeldOut) -> None:
    """Refuse an export that nothing could be checked on."""
    if not held_out.prompts:
        hint = "Give a test or validation split; without rows nothing can be checked."
        raise ExportError("Optimising needs held-out rows; got 0.", hint)
    n_labels = len(held_out.references)
    if held_out.labels and n_labels != len(held_out.prompts):
        found = f"{n_labels} labels for {len(held_out.prompts)} rows"
        raise ExportError(f"Every held-out row needs its label; got {found}.", "Check the split.")


def _check_disk(tuned: Tuned, out: Path, request: Request, held_out: HeldOut) -> None:
    """Refuse when the disk cannot take what will be written; what a stop has left counts."""
    whole = fp32_bytes(tuned.base)
    names = dict.fromkeys(["fp32", *request.precisions])
    shares = {"merged": 1.0} if tuned.merges else {}
    shares |= {name: SIZES[name] for name in names}
    left = {path.name for path in (out / "work").glob("*")} | {path.name for path in out.glob("*")}
    models = sum(whole * share for name, share in shares.items() if name not in left)
    needed = int((models + _answers_bytes(tuned, held_out)) * SPARE)
    free = shutil.disk_usage(out).free
    if free < needed:
        hint = "Free some space, or choose a run folder on another disk."
        found = f"{out} has {free / 2**20:.0f} MiB free"
        raise ExportError(f"The export needs {needed / 2**20:.0f} MiB; {found}.", hint)


def _answers_bytes(tuned: Tuned, held_out: HeldOut) -> int:
    """Return the size of the logits that are kept while rungs are compared with them."""
    n_tokens = N_PARITY_ROWS * N_PARITY_TOKENS + sum(map(len, held_out.text))
    copies = 1 if tuned.is_exact else 2
    return int(4 * copies * n_tokens * read_config(tuned.base).get("vocab_size", 0))
