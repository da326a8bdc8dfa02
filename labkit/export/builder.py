"""Hugging Face folder to ONNX: with the model builder of onnxruntime-genai, else by tracing."""

import shutil
from pathlib import Path

from ..errors import ExportError, near
from ..runtime.folder import write_section
from ..spec.optimize import PRECISIONS
from .architectures import check_exportable, is_built, read_config, suit
from .child import call
from .graph import GRAPH, load_graph, node_named
from .heads import attach_head, holds_head
from .quantize import compute_rotary, halve_scales, quantize_onnx, tie_int8_embedding
from .work import Work

OPTIONS = ("hf_token=false", "windowed_kv_cache=false")
"""Of the builder. A cache cut to the window would need another form of input for each layer."""

SPARE = 1.1
"""Room asked for on the disk, as a multiple of what the export is known to write."""


def export_onnx(
    folder: Path, out: Path, precision: str, *, log: Path, head: Path | None = None
) -> int:
    """Write a Hugging Face folder as an ONNX folder that `OnnxModel` or `OnnxClassifier` can load.

    Args:
        folder: Model and tokenizer, not quantised.
        out: New folder; it appears when it is complete.
        precision: "fp32"; "int8"; or "int4" (with an int8 head and int8 in sensitive layers).
        log: The output of what exports is appended here.
        head: Folder of a classification head that takes the output layer's place; left out, it is
            the folder itself where `split_head` wrote one.

    Returns:
        Peak memory of the export in bytes.

    Raises:
        ExportError: What cannot be exported and why.
    """
    _check_request(folder, out, precision)
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        peak = _export_to(part, folder, precision, log, head or folder)
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return peak


def export_once(work: Work, folder: Path, out: Path, head: Path | None = None) -> None:
    """Export to fp32 as a step of some work: what a stop left half done is made anew."""

    def export() -> tuple[None, int]:
        shutil.rmtree(out, ignore_errors=True)
        return None, export_onnx(folder, out, "fp32", log=work.log, head=head)

    work.once("export", [str(folder), str(out)], export)


def _export_to(part: Path, folder: Path, precision: str, log: Path, head: Path) -> int:
    """Export to `part` itself; a quantised model goes through its fp32 form."""
    full = part if precision == "fp32" else part / "fp32"
    route = ("builder", "build") if is_built(folder) else ("traced.trace", "trace")
    arguments = {"folder": str(folder), "out": str(full)}
    if holds_head(head):
        arguments["head"] = str(head)
    _, peak = call(*route, log=log, **arguments)
    if precision != "fp32":
        quantized = part / precision
        quantize_and_tie(full, quantized, precision)
        shutil.rmtree(full)
        for path in quantized.iterdir():
            path.rename(part / path.name)
        quantized.rmdir()
    return peak


def quantize_and_tie(
    full: Path, out: Path, precision: str, grids: Path | None = None
) -> str | None:
    """Quantise the fp32 model `full` to `out`; return why the embedding was not tied, if so."""
    quantize_onnx(full, out, precision, grids)
    compute_rotary(out)
    not_tied = tie_int8_embedding(out)
    halve_scales(out)
    return not_tied


def build(folder: str, out: str, precision: str = "fp32", head: str | None = None) -> None:
    """Run the builder in this process: it puts modules of its own on sys.path, so use a child.

    The graph gives its last hidden states too, which costs nothing unless they are asked for.
    """
    try:
        from onnxruntime_genai.models.builder import create_model, parse_extra_options
    except ModuleNotFoundError as error:
        hint = "Run %pip install onnxruntime-genai==0.18.0 and restart the kernel."
        raise ExportError(f"The ONNX model builder needs {error.name}.", hint) from error
    cache = f"{out}/cache"
    wanted = [*OPTIONS, "exclude_lm_head=true" if head else "include_hidden_states=true"]
    options = parse_extra_options("", folder, out, precision, "cpu", cache, wanted)
    config = options["hf_details"]["hf_config"]
    suit(config)
    create_model("", folder, out, precision, "cpu", cache, **options)
    shutil.rmtree(cache, ignore_errors=True)
    if config.model_type.startswith("gemma"):
        scale_exactly(Path(out), config.hidden_size)
    write_section(Path(out), "model", {"hidden_states": True})
    if head:
        attach_head(Path(out), Path(head), 1 / getattr(config, "logits_scaling", 1.0))


def scale_exactly(out: Path, hidden_size: int) -> None:
    """Multiply the embedding of a Gemma by the root of its width; the builder rounds it to 0.01."""
    import numpy as np
    import onnx

    model = load_graph(out)
    factor = node_named(model.graph, "/model/embed_tokens/Mul").input[1]
    (node,) = (node for node in model.graph.node if factor in node.output)
    exact = np.array(hidden_size**0.5, np.float32)
    node.attribute[0].t.CopyFrom(onnx.numpy_helper.from_array(exact, factor))
    onnx.save(model, out / GRAPH)


def check_disk(folder: Path, target: Path, copies: float) -> None:
    """Refuse when the disk of `target` cannot take `copies` of the model in fp32."""
    needed = int(fp32_bytes(folder) * copies * SPARE)
    free = shutil.disk_usage(target).free
    if free < needed:
        hint = "Free some space, or choose a run folder on another disk."
        found = f"{target} has {free / 2**20:.0f} MiB free"
        raise ExportError(f"The export needs {needed / 2**20:.0f} MiB; {found}.", hint)


def fp32_bytes(folder: Path) -> int:
    """Return the size of a folder's weights if each took 4 bytes."""
    stored = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    config = read_config(folder)
    dtype = str(config.get("dtype") or config.get("torch_dtype") or "float32")
    return stored * (2 if dtype in ("float16", "bfloat16") else 1)


def _check_request(folder: Path, out: Path, precision: str) -> None:
    if precision not in PRECISIONS:
        raise ExportError(
            f"precision must be one of {', '.join(PRECISIONS)}; got {precision!r}.",
            hint=near(str(precision), PRECISIONS, "The default is 'int8'."),
        )
    check_exportable(folder)
    if out.exists():
        raise ExportError(f"{out} exists already.", hint="Remove it or name another folder.")
    out.parent.mkdir(parents=True, exist_ok=True)
    check_disk(folder, out.parent, 1 if precision == "fp32" else 1.5)
