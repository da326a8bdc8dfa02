"""Grids and texts in the files that the steps of a calibration leave each other."""

import json
from collections.abc import Mapping
from pathlib import Path

from ..quantize.learned import PARTS
from .grid import Grid
from .texts import Texts


def read_texts(file: Path) -> Texts:
    """Return what `find.write_texts` wrote."""
    return Texts(**json.loads(file.read_text(encoding="utf-8")))


def write_grids(grids: Mapping[str, Grid], out: Path) -> None:
    """Write grids as `quantize.learned` reads them; `exact` stands beside where it is known."""
    from safetensors.torch import save_file

    tensors = {
        f"{name}.{part}": getattr(grid, part).contiguous()
        for name, grid in grids.items()
        for part in (*PARTS, "exact")
        if getattr(grid, part) is not None
    }
    facts = {name: f"{grid.bits} {grid.n_inputs}" for name, grid in grids.items()}
    save_file(tensors, out, facts)


def read_grids(file: Path) -> dict[str, Grid]:
    """Return what `write_grids` wrote."""
    from safetensors import safe_open

    with safe_open(file, "pt") as tensors:
        there = {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118 - no dict
        facts = {name: fact.split() for name, fact in tensors.metadata().items()}
    return {
        name: Grid(
            bits=int(bits),
            n_inputs=int(n_inputs),
            exact=there.get(f"{name}.exact"),
            **{part: there[f"{name}.{part}"] for part in PARTS},
        )
        for name, (bits, n_inputs) in facts.items()
    }
