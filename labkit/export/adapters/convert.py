"""From a PEFT folder to the file that ONNX Runtime switches on: products put in their sites."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import listed
from ..bottleneck import ALIASES, FUSED, attention_widths
from ..traced.names import LAYER
from .lora import Array, Lora, cannot, read_lora
from .sites import Site, read_sites

PARTS: Mapping[str, tuple[str, ...]] = {"qkv_proj": FUSED, "gate_up_proj": ("gate_proj", "up_proj")}
"""What layers that are several in one are made of, in this order of their outputs."""

Spans = dict[str, slice]


@dataclass(frozen=True)
class Graph:
    """What an exported model says of where adapters go."""

    sites: Sequence[Site]
    """Products that take one."""

    widths: Mapping[str, int]
    """Outputs of the query, key and value products."""

    @property
    def n_layers(self) -> int:
        """Layers with a site."""
        return 1 + max(site.layer for site in self.sites)

    def own(self, module: str) -> Site | None:
        """Return the site that is called as its module is: those of traced graphs are."""
        return next((site for site in self.sites if site.name == module), None)

    @classmethod
    def read(cls, folder: Path) -> "Graph":
        """Return those of a model that `add_inputs` changed."""
        return cls(read_sites(folder), attention_widths(folder))


def convert(adapter: Path, model: Path, out: Path) -> int:
    """Write a PEFT adapter as an `.onnx_adapter` for an exported model; return its largest rank.

    Args:
        adapter: PEFT folder of a plain LoRA, of any ranks on any of the layers.
        model: Folder of the exported base, its graph with the inputs of adapters.
        out: The file; it appears when it is complete.

    Raises:
        ExportError: The adapter is no plain LoRA, or was not made for this model.
    """
    import onnxruntime

    found = read_lora(adapter)
    tensors = packed(found, Graph.read(model), adapter)
    values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(t) for name, t in tensors.items()}
    form = onnxruntime.AdapterFormat()
    form.set_adapter_version(1)
    form.set_model_version(1)
    form.set_parameters(values)
    part = out.with_name(f"{out.name}.part")
    form.export_adapter(str(part))
    part.replace(out)
    return max(lora.r for lora in found.values())


def packed(found: Mapping[str, Lora], graph: Graph, adapter: Path) -> dict[str, Array]:
    """Return the graph's inputs `*.lora_A` and `*.lora_B` that do what an adapter does.

    Products that meet in one site stand side by side, each with ranks of its own: `A` is
    `[A1 | A2]`, and `B` has the rows of each in the columns that are its outputs.

    Args:
        found: Products by module.
        graph: The model's.
        adapter: Folder of the products, to be named in errors.
    """
    placed: dict[Site, list[Lora]] = {}
    for module, lora in found.items():
        for site, part in _placed(module, lora, graph, adapter):
            placed.setdefault(site, []).append(part)
    tensors = {}
    for site, parts in placed.items():
        tensors[f"{site.name}.lora_A"] = np.concatenate([part.a for part in parts], axis=1)
        tensors[f"{site.name}.lora_B"] = np.concatenate([part.b for part in parts], axis=0)
    return tensors


def _placed(module: str, lora: Lora, graph: Graph, adapter: Path) -> Iterator[tuple[Site, Lora]]:
    """Yield the sites in which a module's outputs lie, with the product for all of each."""
    if site := graph.own(module):
        whole = {module: slice(0, lora.b.shape[1])}
        _require_size(module, lora, whole, site, {module: slice(0, site.outputs)}, adapter)
        yield site, lora
        return
    sites = _sites_of_layer(module, graph, adapter)
    last = module.rpartition(".")[2]
    name = last if any(site.module == last for site in sites) else ALIASES.get(last, last)
    own = _spans(name, lora.b.shape[1], graph.widths)
    missing = set(own)
    for site in sites:
        there = _spans(site.module, site.outputs, graph.widths)
        shared = own.keys() & there.keys()
        if not shared:
            continue
        _require_size(module, lora, own, site, there, adapter)
        b = np.zeros((lora.r, site.outputs), np.float32)
        for part in shared:
            b[:, there[part]] = lora.b[:, own[part]]
        yield site, Lora(lora.a, b)
        missing -= shared
    if missing:
        raise cannot(adapter, f"the ONNX graph has no product of {module}")


def _sites_of_layer(module: str, graph: Graph, adapter: Path) -> list[Site]:
    found = LAYER.search(module)
    if found is None:
        kinds = listed(sorted({site.module for site in graph.sites}), "and")
        raise cannot(adapter, f"{module} takes no adapter, only {kinds} of the layers do")
    number, count = int(found[1]), graph.n_layers
    if number >= count:
        reason = f"it changes layer {number}, and the last of the {count} layers is {count - 1}"
        raise cannot(adapter, reason)
    return [site for site in graph.sites if site.layer == number]


def _spans(name: str, outputs: int, widths: Mapping[str, int]) -> Spans:
    """Return which of a product's outputs are whose."""
    parts = PARTS.get(name, (name,))
    sizes = [widths.get(part, outputs // len(parts)) for part in parts]
    ends = np.cumsum(sizes).tolist() if len(parts) > 1 else [outputs]
    starts = [0, *ends[:-1]]
    return {part: slice(*ends_of) for part, *ends_of in zip(parts, starts, ends, strict=True)}


def _require_size(
    module: str, lora: Lora, own: Spans, site: Site, there: Spans, adapter: Path
) -> None:
    """Refuse a product whose sizes are not those of the model's."""
    for what, found, wanted in (
        ("inputs", lora.a.shape[0], site.inputs),
        *(("outputs", _width(own[p]), _width(there[p])) for p in own.keys() & there.keys()),
        ("outputs", lora.b.shape[1], max(span.stop for span in own.values())),
    ):
        if found != wanted:
            reason = f"it was trained on another base: {module} has {wanted} {what} here"
            raise cannot(adapter, f"{reason}; its own has {found}")


def _width(span: slice) -> int:
    return int(span.stop - span.start)
