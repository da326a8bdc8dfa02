"""What a run leaves: the best or the last weights, written whole, loaded back, proven."""

import hashlib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import RunFailed
from . import checkpoints
from .methods import is_adapted, load_weights, state_of
from .methods.saved import FILES, tensors, weights_file


@dataclass(frozen=True)
class Before:
    """What a model was before it learned."""

    frozen: str
    """Hash of weights that must not change."""

    learning: str
    """Hash of the weights that learn."""

    @classmethod
    def of(cls, model: nn.Module) -> "Before":
        """Look at a model before its first step."""
        return cls(
            fingerprint([p for p in model.parameters() if not p.requires_grad]),
            fingerprint([p for p in model.parameters() if p.requires_grad]),
        )


def chosen(folder: Path, best_step: int | None) -> Path:
    """Return the checkpoint to keep: that of the best step; None keeps the last.

    Raises:
        RunFailed: There is none.
    """
    last = checkpoints.newest(folder)
    if last is None:
        raise RunFailed("The run ended without a checkpoint.", hint="Start it again.")
    return folder / f"checkpoint-{best_step}" if best_step else last


def keep(checkpoint: Path, learned: Path, finish: Callable[[Path], None]) -> None:
    """Copy what a checkpoint learned, whole or not at all.

    Args:
        checkpoint: The checkpoint to copy from.
        learned: Folder to write.
        finish: Called with the copy before it gets its name, to complete it.
    """
    folder = checkpoint.parent
    draft = folder / checkpoints.DRAFT / learned.name
    draft.mkdir(parents=True)
    for name in FILES:
        if (checkpoint / name).exists():
            shutil.copyfile(checkpoint / name, draft / name)
    for file in checkpoint.glob("*.py"):  # the code of a model that brings its own
        shutil.copyfile(file, draft / file.name)
    finish(draft)
    checkpoints.publish(draft, learned)
    checkpoints.clean(folder)


def prove(
    model: nn.Module,
    checkpoint: Path,
    learned: Path,
    before: Before,
    *,
    is_done: bool,
    form: Callable[[dict[str, Tensor]], dict[str, Tensor]] = dict,
) -> None:
    """Show that what was saved is what was learned: whole, finite and not as it started.

    Args:
        model: The trained model; it takes the weights of the checkpoint.
        checkpoint: Where they were copied from.
        learned: What was saved.
        before: The model before its first step.
        is_done: Whether the run came to its end, and must have learned something.
        form: Turns weights in memory into what is saved of them.

    Raises:
        RunFailed: It is not so.
    """
    load_weights(model, checkpoint)
    state = form(state_of(model))
    names = set()
    for name, tensor in tensors(weights_file(learned)):
        names.add(name)
        same = name in state and state[name].cpu().equal(tensor)
        _require(same, learned, "differs from what is in memory")
        _require(bool(tensor.isfinite().all()), learned, "is not finite")
    _require(_is_all(names, state), learned, "lacks weights that are in memory")
    now = Before.of(model)
    _require(not is_done or now.learning != before.learning, learned, "learned nothing")
    unchanged = not is_adapted(model) or now.frozen == before.frozen
    _require(unchanged, learned, "came with changed base weights")


def fingerprint(weights: Iterable[Tensor]) -> str:
    """Return a hash of some values of each weight."""
    digest = hashlib.sha256()
    for tensor in weights:
        flat = tensor.detach().flatten()
        part = flat[:: max(1, len(flat) // SAMPLES)].cpu().contiguous()
        digest.update(part.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


SAMPLES = 4096
"""Values of a weight that go into its fingerprint, at equal distances."""


def _is_all(names: set[str], state: dict[str, Tensor]) -> bool:
    """Tell whether the names stand for all weights; tied ones are saved under one name."""
    known = {state[name].data_ptr() for name in names}
    return all(tensor.data_ptr() in known for tensor in state.values())


def _require(holds: bool, learned: Path, problem: str) -> None:
    if not holds:
        raise RunFailed(
            f"What the run saved in {learned} {problem}.",
            hint="Take more steps or another learning_rate; log.txt has what happened.",
        )
