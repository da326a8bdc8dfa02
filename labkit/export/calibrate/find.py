"""From a whole model to 4-bit weights that answer as it does: texts, plan, GPTQ, repair.

`write_texts`, `find` and `mend` are what `steps` does, each in a process of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import torch

from ...files import write_json
from ..tuned import load_plain
from .grid import Grid, n_bytes, symmetric
from .repair import GridLinear, Part, repair
from .sensitivity import in_eight_bits, sensitivities
from .stored import read_grids, read_texts, write_grids
from .texts import by_length, continued, drawn, lessons, own_texts, prose
from .walk import linears, round_layers, units

HEAD_BLOCK_SIZE = 64
"""Inputs of the head that share a scale."""

N_ROWS, N_OWN = 48, 32
"""Training rows and own texts that GPTQ reads."""

N_OWN_REPAIR = 120
"""Own texts that a repair draws from, those of GPTQ included."""

Done: TypeAlias = Callable[[str, int, int], None]
"""Called with the part of the work, how far it is, and its end."""


@dataclass(frozen=True)
class Shape:
    """What the weights may take."""

    block_size: int = 32
    """Inputs that share a scale, in the layers."""

    budget: float = 0.697
    """Most that all weights may take, as a share of what they take in int8 with blocks of 32; what
    4 bits leave of it goes to the products that suffer most."""

    def room(self, model: Any) -> float:  # noqa: ANN401 - a transformers model
        """Return the bytes that products may take beyond 4 bits each."""
        head = model.lm_head.weight.numel()
        inside = sum(module.weight.numel() for module in linears(model).values())
        in_int8 = n_bytes(head + inside, 8, 32, has_zeros=False)
        kept = n_bytes(head, 8, HEAD_BLOCK_SIZE, has_zeros=False)
        least = kept + n_bytes(inside, 4, self.block_size)
        return float(self.budget * in_int8 - least)


@dataclass(frozen=True)
class Sources:
    """What int4 weights are found by."""

    folder: Path
    """Hugging Face folder, the tuned model as a whole."""

    rows: Sequence[Sequence[int]]
    """Token ids of training rows."""

    texts: Path
    """File that `write_texts` writes and the others read."""

    seed: int
    """Of all that is drawn."""

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Sources":
        """Return the sources that `labkit.export.int4` names."""
        folder, texts = Path(values["folder"]), Path(values["texts"])
        return cls(folder, values["rows"], texts, values["seed"])


def write_texts(sources: Sources, *, repaired: bool, done: Done) -> None:
    """Let a model write what its weights are found by.

    Args:
        sources: Model and rows.
        repaired: Write as much as a repair needs, not only what GPTQ reads.
        done: Told how far it is.
    """
    model, generator = load_plain(sources.folder), torch.Generator().manual_seed(sources.seed)
    n_texts = N_OWN_REPAIR if repaired else N_OWN
    own = own_texts(model, n_texts, generator, lambda *at: done("own texts", *at))
    more, read = list[list[int]](), list[list[int]]()
    if repaired:
        more = continued(model, sources.rows, generator, lambda *at: done("rows anew", *at))
        read = prose(sources.folder)
    write_json(sources.texts, {"own": own.tolist(), "continued": more, "prose": read})


def find(sources: Sources, out: Path, shape: Shape, *, done: Done) -> dict[str, Any]:
    """Round a model's weights by GPTQ into a new file of grids, and return how."""
    model, rows = load_plain(sources.folder), sources.rows
    own = torch.tensor(read_texts(sources.texts).own[:N_OWN])
    some = drawn(rows, N_ROWS, torch.Generator().manual_seed(sources.seed))
    batches = [*by_length(some), *torch.tensor_split(own, 4)]
    size, room = shape.block_size, shape.room(model)
    found: dict[str, float] = {}
    if room > 0:
        found = sensitivities(model, batches, size, lambda *at: done("sensitivity", *at))
    eight = in_eight_bits(found, linears(model), size, room)
    plan = _plan(model, eight, size)
    grids = round_layers(model, batches, plan, lambda *at: done("rounding", *at))
    write_grids(grids | {"lm_head": rounded_head(model)}, out)
    return {"method": "gptq", "block_size": size, "int8": eight, "sensitivity": found}


def mend(sources: Sources, grids: Path, out: Path, *, part: Part, done: Done) -> list[float]:
    """Take some steps of a repair.

    Args:
        sources: Model, rows and texts.
        grids: Of `find`, or of the part before.
        out: New file of grids.
        part: Which steps.
        done: Told how far it is.

    Returns:
        The losses, nats per token.
    """
    model, teacher = load_plain(sources.folder), load_plain(sources.folder)
    found, texts, losses = read_grids(grids), read_texts(sources.texts), list[float]()
    trained = put_grids(model, found)
    generator = torch.Generator().manual_seed(sources.seed * part.of + part.start)
    read = lessons([*sources.rows, *texts.continued], [*texts.own, *texts.prose], generator)

    def step(at: int, loss: float) -> None:
        losses.append(loss)
        done("repair", at, part.of)

    repair(model, teacher, read, part, step)
    write_grids(found | {name: module.result() for name, module in trained.items()}, out)
    return losses


def average(files: Sequence[Path], out: Path) -> None:
    """Write grids with the mean of the scales in some files, the roundings of the last one.

    Args:
        files: Grids of one model, one part of a repair after another.
        out: New file of grids.
    """
    every = [read_grids(file) for file in files]
    scales = {name: torch.stack([of[name].scales for of in every]).mean(0) for name in every[-1]}
    write_grids({name: replace(of, scales=scales[name]) for name, of in every[-1].items()}, out)


def _plan(
    model: Any,  # noqa: ANN401 - a transformers model
    eight: Sequence[str],
    block_size: int,
) -> Callable[[str], tuple[int, int]]:
    """Return the bits and block size of each product by its name."""
    groups = units(linears(model))
    bits = {name: 8 for unit in eight for name in groups[unit]}
    return lambda name: (bits.get(name, 4), block_size)


def rounded_head(model: Any) -> Grid:  # noqa: ANN401 - a transformers model
    """Return the head in 8 bits around zero, rounded some rows at a time."""
    weight = model.lm_head.weight.detach()
    block_size = HEAD_BLOCK_SIZE if weight.shape[1] % HEAD_BLOCK_SIZE == 0 else 32
    parts = [symmetric(part, 8, block_size) for part in torch.split(weight, 4096)]
    values, scales, zeros = (
        torch.cat([getattr(part, name) for part in parts]) for name in ("values", "scales", "zeros")
    )
    return Grid(8, values, scales, zeros, weight.shape[1])


def put_grids(model: Any, grids: dict[str, Grid]) -> dict[str, GridLinear]:  # noqa: ANN401
    """Put grids in the place of a model's products; return those that can be trained, by name.

    The head stays a plain product with the weight that its grid stands for, and so does the
    embedding where both are one.
    """
    model.lm_head.weight.data = grids["lm_head"].weight()
    trained = {name: GridLinear(grid) for name, grid in grids.items() if name != "lm_head"}
    for name, module in trained.items():
        room, _, last = name.rpartition(".")
        setattr(model.get_submodule(room), last, module)
    return trained
