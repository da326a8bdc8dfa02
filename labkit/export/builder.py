"""Hugging Face folder to ONNX, with the model builder of onnxruntime-genai."""

import json
import shutil
from pathlib import Path
from typing import Any

from ..errors import ExportError, near
from .child import call
from .quantize import quantize_onnx
from .tie import tie_int8_embedding

PRECISIONS = ("fp32", "int8", "int4")

ARCHITECTURES = (
    "ChatGLMModel",
    "Ernie4_5ForCausalLM",
    "Gemma2ForCausalLM",
    "Gemma3ForCausalLM",
    "GemmaForCausalLM",
    "GptOssForCausalLM",
    "GraniteForCausalLM",
    "HunYuanDenseV1ForCausalLM",
    "InternLM2ForCausalLM",
    "Lfm2ForCausalLM",
    "LlamaForCausalLM",
    "MistralForCausalLM",
    "NemotronForCausalLM",
    "OlmoForCausalLM",
    "Phi3ForCausalLM",
    "PhiForCausalLM",
    "Qwen2ForCausalLM",
    "Qwen3ForCausalLM",
    "SmolLM3ForCausalLM",
)
"""Causal language models that the pinned builder knows."""

SPARE = 1.1
"""Room asked for on the disk, as a multiple of what the export is known to write."""


def export_onnx(folder: Path, out: Path, precision: str, *, log: Path) -> int:
    """Write a Hugging Face folder as an ONNX folder that onnxruntime-genai can load.

    Args:
        folder: Model and tokenizer, not quantised.
        out: New folder; it appears when it is complete.
        precision: "fp32"; "int8"; or "int4" (with an int8 head and int8 in sensitive layers).
        log: The builder's output is appended here.

    Returns:
        The builder's peak memory in bytes.

    Raises:
        ExportError: What cannot be exported and why.
    """
    _check_request(folder, out, precision)
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        peak = _export_to(part, folder, precision, log)
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return peak


def _export_to(part: Path, folder: Path, precision: str, log: Path) -> int:
    """Export to `part` itself; a quantised model goes through its fp32 form."""
    full = part if precision == "fp32" else part / "fp32"
    _, peak = call("builder", "build", log=log, folder=str(folder), out=str(full))
    if precision != "fp32":
        quantized = part / precision
        quantize_and_tie(full, quantized, precision)
        shutil.rmtree(full)
        for path in quantized.iterdir():
            path.rename(part / path.name)
        quantized.rmdir()
    return peak


def quantize_and_tie(full: Path, out: Path, precision: str) -> str | None:
    """Quantise the fp32 model `full` to `out`; return why the embedding was not tied, if so."""
    quantize_onnx(full, out, precision)
    return tie_int8_embedding(out)


def build(folder: str, out: str, precision: str = "fp32") -> None:
    """Run the builder in this process: it puts modules of its own on sys.path, so use a child."""
    try:
        from onnxruntime_genai.models.builder import create_model, parse_extra_options
    except ModuleNotFoundError as error:
        hint = "Run %pip install onnxruntime-genai==0.18.0 and restart the kernel."
        raise ExportError(f"The ONNX model builder needs {error.name}.", hint) from error
    cache = f"{out}/cache"
    options = parse_extra_options("", folder, out, precision, "cpu", cache, ["hf_token=false"])
    _flatten_rope(options["hf_details"]["hf_config"])
    create_model("", folder, out, precision, "cpu", cache, **options)
    shutil.rmtree(cache, ignore_errors=True)


def _flatten_rope(config: Any) -> None:  # noqa: ANN401 - transformers' config
    """Give Gemma 3 the flat RoPE settings the builder reads; transformers 5 nests them by layer."""
    nested = getattr(config, "rope_parameters", None) or {}
    if "full_attention" in nested:
        config.rope_theta = nested["full_attention"]["rope_theta"]
        config.rope_local_base_freq = nested["sliding_attention"]["rope_theta"]
        config.rope_parameters = dict(nested["full_attention"])


def read_config(folder: Path) -> dict[str, Any]:
    """Return config.json of a Hugging Face folder."""
    path = folder / "config.json"
    if not path.is_file():
        hint = "Name a folder that save_pretrained wrote."
        raise ExportError(f"{folder} holds no config.json.", hint)
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return config


def check_exportable(folder: Path) -> None:
    """Refuse a model that the builder cannot export, before anything is loaded."""
    config = read_config(folder)
    name = (config.get("architectures") or ["(none named)"])[0]
    if name not in ARCHITECTURES:
        hint = near(name, ARCHITECTURES, f"It exports {', '.join(ARCHITECTURES)}.")
        raise ExportError(f"The ONNX builder cannot export the architecture {name}.", hint)
    refuse_quantized(folder, config)


def refuse_quantized(folder: Path, config: dict[str, Any]) -> None:
    """Refuse weights that are quantised already: merging or exporting adds to the loss."""
    if config.get("quantization_config"):
        method = config["quantization_config"].get("quant_method", "an unnamed method")
        hint = "Start from the unquantised base model."
        raise ExportError(f"{folder.name} must hold plain weights; it uses {method}.", hint)


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
