"""The embedding in 8 bits from a table of its own, where no int8 head holds the same matrix.

A model with a classification head has no other output layer, and an untied one has two matrices;
left in fp32, the embedding would be the larger half of a small model.
"""

from pathlib import Path
from typing import Any

from .builder import quantize_and_tie
from .graph import Weights, load_graph, node_named, rewrite
from .quantize import halve_scales
from .quantize.packed import BLOCK_SIZE
from .quantize.rounding import round_weight
from .quantize.tie import GATHER

TIED, OWN = "read from the int8 head", "in int8 by itself"
VALUES, SCALES = "embed_tokens.int8", "embed_tokens.int8_scales"


def quantize_all(full: Path, out: Path, precision: str, grids: Path | None = None) -> str:
    """Quantise the fp32 model `full` to `out`, embedding included; return how that is kept.

    Args:
        full: fp32 model of `export_onnx`.
        out: New folder.
        precision: "int8" or "int4"; the embedding has 8 bits in either.
        grids: What `calibrate` wrote, for int4.
    """
    reason = quantize_and_tie(full, out, precision, grids)
    if reason is None:
        return TIED
    return OWN if quantize_embedding(out) else reason


def quantize_embedding(folder: Path) -> bool:
    """Put an fp32 embedding into 8 bits, in place; tell whether it was done.

    It is not where rows are no whole blocks, or where the graph keeps no fp32 table.
    """
    model = load_graph(folder)
    weights = Weights(folder, model.graph)
    gather = node_named(model.graph, GATHER)
    if gather is None or gather.op_type != "Gather" or gather.input[0] not in weights:
        return False
    table = weights.read(gather.input[0])  # (vocab, hidden)
    if table.shape[1] % BLOCK_SIZE:
        return False
    values, scales = round_weight(table.T, 8, "int8").tensors  # rounded as a head is
    _read_quantized(gather)
    used = {name for node in model.graph.node for name in node.input}
    with rewrite(model, folder) as writer:
        for name in filter(used.__contains__, weights.names):
            writer.add(name, weights.read(name))
        writer.add(VALUES, *(part.reshape(len(part), -1) for part in values))  # (vocab, hidden)
        writer.add(SCALES, *scales)  # (vocab, blocks)
    halve_scales(folder)
    return True


def _read_quantized(gather: Any) -> None:  # noqa: ANN401 - protobuf
    """Turn `gather` into a node that reads the table in 8 bits."""
    from onnx import helper

    gather.CopyFrom(
        helper.make_node(
            "GatherBlockQuantized",
            [VALUES, gather.input[1], SCALES],
            list(gather.output),
            name=f"{GATHER}BlockQuantized",
            domain="com.microsoft",
            bits=8,
            block_size=BLOCK_SIZE,
            gather_axis=0,
            quantize_axis=1,
        )
    )
