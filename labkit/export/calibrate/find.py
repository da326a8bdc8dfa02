"""From a whole model to 4-bit weights that answer as it does: texts, plan, GPTQ, repair."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from ..tuned import load_plain
from .grid import Grid, n_bytes, nearest
from .repair import GridLinear, repair
from .sensitivity import in_eight_bits, sensitivities
from .texts import by_length, drawn, lessons, own_texts
from .walk import linears, round_layers, units

BLOCK_SIZE, HEAD_BLOCK_SIZE = 32, 64
"""Inputs that share a scale, in the layers and in the head."""

BUDGET = 0.655
"""Most that all weights may take, as a share of what they take in int8 with blocks of 32."""

N_ROWS, N_OWN = 48, 32
"""Training rows and own texts that GPTQ reads."""

N_STEPS, N_OWN_REPAIR = 120, 160
"""Steps of a repair, and own texts that it draws from."""

Done: TypeAlias = Callable[[str, int, int], None]
"""Called with the part of the work, how far it is, and its end."""


def find(
    folder: Path,
    rows: Sequence[Sequence[int]],
    out: Path,
    *,
    repaired: bool,
    seed: int,
    done: Done,
) -> dict[str, Any]:
    """Write the grids of a model's weights to `out`, and return how they were found.

    Args:
        folder: Hugging Face folder, the tuned model as a whole.
        rows: Token ids of training rows.
        out: New safetensors file that `quantize_onnx` reads.
        repaired: Train scales and roundings afterwards.
        seed: Of the texts and of the repair.
        done: Told how far it is.
    """
    model = load_plain(folder)
    own = own_texts(model, N_OWN_REPAIR if repaired else N_OWN, seed)
    some = drawn(rows, N_ROWS, torch.Generator().manual_seed(seed))
    batches = [*by_length(some), *torch.tensor_split(own[:N_OWN], 4)]
    found = sensitivities(model, batches, BLOCK_SIZE, lambda *at: done("sensitivity", *at))
    eight = in_eight_bits(found, linears(model), _room(model))
    grids = round_layers(model, batches, _plan(model, eight), lambda *at: done("rounding", *at))
    grids["lm_head"] = _head(model)
    how = {"method": "gptq", "block_size": BLOCK_SIZE, "int8": eight, "sensitivity": found}
    if repaired:
        losses = _repaired(model, load_plain(folder), grids, lessons(rows, own, seed), done)
        how |= {"method": "repaired", "n_steps": len(losses), "losses": losses}
    write_grids(grids, out)
    return how


def _room(model: Any) -> float:  # noqa: ANN401 - a transformers model
    """Return the bytes that products may take beyond 4 bits each."""
    head = model.lm_head.weight.numel()
    inside = sum(module.weight.numel() for module in linears(model).values())
    in_int8 = (head + inside) * (1 + 4 / 32)
    least = n_bytes(head, 8, HEAD_BLOCK_SIZE) + n_bytes(inside, 4, BLOCK_SIZE)
    return float(BUDGET * in_int8 - least)


def _plan(model: Any, eight: Sequence[str]) -> Callable[[str], tuple[int, int]]:  # noqa: ANN401
    """Return the bits and block size of each product by its name."""
    groups = units(linears(model))
    bits = {name: 8 for unit in eight for name in groups[unit]}
    return lambda name: (bits.get(name, 4), BLOCK_SIZE)


def _head(model: Any) -> Grid:  # noqa: ANN401 - a transformers model
    """Return the head in 8 bits, rounded some rows at a time."""
    weight = model.lm_head.weight.detach()
    block_size = HEAD_BLOCK_SIZE if weight.shape[1] % HEAD_BLOCK_SIZE == 0 else BLOCK_SIZE
    parts = [nearest(part, 8, block_size) for part in torch.split(weight, 4096)]
    values, scales, zeros = (
        torch.cat([getattr(part, name) for part in parts]) for name in ("values", "scales", "zeros")
    )
    return Grid(8, values, scales, zeros, weight.shape[1])


def _repaired(
    model: Any,  # noqa: ANN401 - a transformers model
    teacher: Any,  # noqa: ANN401 - a transformers model
    grids: dict[str, Grid],
    texts: Callable[[], Sequence[tuple[Tensor, Tensor]]],
    done: Done,
) -> list[float]:
    """Train the grids of the layers, in place; return the losses."""
    trained = put_grids(model, grids)
    losses: list[float] = []

    def step(at: int, loss: float) -> None:
        losses.append(loss)
        done("repair", at, N_STEPS)

    repair(model, teacher, texts, N_STEPS, step)
    grids |= {name: module.result() for name, module in trained.items()}
    return losses


def put_grids(model: Any, grids: Mapping[str, Grid]) -> dict[str, GridLinear]:  # noqa: ANN401
    """Put grids in the place of a model's products, and return them as they can be trained."""
    trained = {name: GridLinear(grid) for name, grid in grids.items() if name != "lm_head"}
    for name, module in trained.items():
        room, _, last = name.rpartition(".")
        setattr(model.get_submodule(room), last, module)
    return trained


def write_grids(grids: Mapping[str, Grid], out: Path) -> None:
    """Write grids as `quantize.learned` reads them."""
    from safetensors.torch import save_file

    tensors = {
        f"{name}.{part}": getattr(grid, part).contiguous()
        for name, grid in grids.items()
        for part in ("values", "scales", "zeros")
    }
    save_file(tensors, out, {name: str(grid.bits) for name, grid in grids.items()})
