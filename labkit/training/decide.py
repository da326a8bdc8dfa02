"""How a run computes: precision and batch layout, chosen once, said, and kept with the run."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .. import machine
from ..data import Tokens
from ..errors import SpecError
from ..files import write_json
from ..spec import FinetuneSpec
from . import check, packed, precision, processes
from .arguments import How, micro_batch
from .batches import LossSum
from .methods import base_of, compute_in
from .own_loss import OwnLoss

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

FILE = "how.json"
"""File in a run's folder that keeps the choice for a resumed run."""


@dataclass(frozen=True)
class Case:
    """What the choice is made for."""

    model: "nn.Module"
    """The model, ready to learn."""

    spec: FinetuneSpec
    """The settings."""

    rows: Sequence[Tokens]
    """All rows, those to learn first."""

    emit: Callable[..., None]
    """Called as `emit(kind, **values)`."""

    own_loss: OwnLoss | None = None
    """A loss of one's own, which is given padded rows."""


def pad_token_of(tokenizer: "PreTrainedTokenizerBase | None") -> int:
    """Return the padding token; 0 without a tokenizer, as nothing looks at it."""
    return getattr(tokenizer, "pad_token_id", None) or 0


@contextmanager
def computing(model: "nn.Module", how: How) -> Iterator[None]:
    """Let a model compute as was chosen inside the block: its precision, its attention."""
    compute_in(model, precision.DTYPES[how.precision])
    with check.attention(model, packed.NAME) if how.packing == "packed" else nullcontext():
        yield


def tried(case: Case, how: How) -> LossSum | None:
    """Return what a loss of one's own computes, tried on the first rows; None if there is none.

    Raises:
        SpecError: What it gives is no loss.
    """
    if case.own_loss is None:
        return None
    case.model.train()
    case.own_loss.check(case.model, case.rows[: micro_batch(case.spec)], how.pad_token_id)
    return case.own_loss.loss_sum


def kept(output_dir: Path) -> How | None:
    """Return what a run chose before, or None."""
    file = Path(output_dir) / FILE
    return How(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None


def decide(case: Case, pad_token_id: int, output_dir: Path, *, resume: bool = False) -> How:
    """Choose layout and precision, emit why, and keep the choice in `output_dir`.

    A run that is resumed goes on as it chose before; of several processes the first one chooses.
    """

    def choose() -> How:
        before = kept(output_dir) if resume else None
        return before or _chosen(case, pad_token_id, output_dir)

    return processes.agreed(choose)


def _chosen(case: Case, pad_token_id: int, output_dir: Path) -> How:
    """Choose, emit why, and keep it."""
    config = base_of(case.model).config.get_text_config()
    wide = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    chosen = precision.choose(case.spec.precision, hidden=config.hidden_size, intermediate=wide)
    case.emit("precision", name=chosen.name, text=chosen.reason, gflops=chosen.gflops)
    compute_in(case.model, chosen.dtype)
    packing, share_prefix = _layout(case, chosen.name)
    how = How(packing, share_prefix, chosen.name, pad_token_id)
    write_json(Path(output_dir) / FILE, asdict(how))
    return how


def _layout(case: Case, chosen: str) -> tuple[str, bool]:
    """Return the packing and whether rows share their prompt's beginning."""
    if case.spec.packing == "padded":
        return "padded", False
    if case.spec.embeds:
        return _padded(case, "an encoder reads a sentence in both directions")
    if case.own_loss is not None:
        return _padded(case, f"the loss {case.own_loss.name} is given all logits")
    dropout = check.dropout(case.model)
    reason = check.obstacle(case.model, max(len(row.input_ids) for row in case.rows))
    reason = reason or _difference(case, chosen, share_prefix=not dropout)
    if reason is not None:
        return _padded(case, reason)
    if dropout:
        text = (
            f"Dropout is {dropout:g}: each row draws its own, so a common beginning is not shared."
        )
        case.emit("note", text=text)
    return "packed", not dropout


def _padded(case: Case, reason: str) -> tuple[str, bool]:
    if case.spec.packing == "packed":
        raise SpecError(
            f"packing must be 'auto' or 'padded' for this run; got 'packed', but {reason}.",
            hint="The default is 'auto'.",
        )
    case.emit("note", text=f"Rows are padded, not packed: {reason}.")
    return "padded", False


def _difference(case: Case, chosen: str, *, share_prefix: bool) -> str | None:
    """Compute a first loss both ways and return why packing is not right here, or None."""
    rows = case.rows[: micro_batch(case.spec)]
    try:
        result = check.compare(case.model, rows, chosen, share_prefix=share_prefix)
    except (RuntimeError, TypeError, ValueError, AttributeError, IndexError) as error:
        return f"the model does not take packed rows ({str(error).splitlines()[0][:120]})"
    machine.give_back_memory()
    case.emit("check", **result.as_dict())
    if result.equal:
        return None
    return (
        f"the packed loss is {result.loss_packed:.6f} and the plain one {result.loss_plain:.6f}, "
        f"their gradients {result.gradient_difference:.1e} apart"
    )
