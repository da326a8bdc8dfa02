"""Which models can be exported, by which route, and what the builder must be told of some.

Each name here stands in the table of benchmarks/architectures.md: exported from a small random
model, and its answers held against PyTorch's.
"""

import json
from pathlib import Path
from typing import Any

from ..errors import ExportError, near

BUILT = (
    "Gemma2ForCausalLM",
    "Gemma3ForCausalLM",
    "GemmaForCausalLM",
    "GptOssForCausalLM",
    "GraniteForCausalLM",
    "HunYuanDenseV1ForCausalLM",
    "Lfm2ForCausalLM",
    "LlamaForCausalLM",
    "MistralForCausalLM",
    "NemotronForCausalLM",
    "Phi3ForCausalLM",
    "PhiForCausalLM",
    "Qwen2ForCausalLM",
    "Qwen3ForCausalLM",
    "SmolLM3ForCausalLM",
)
"""Causal language models that the pinned builder exports right."""

TRACED = (
    "BioGptForCausalLM",
    "BloomForCausalLM",
    "CodeGenForCausalLM",
    "Cohere2ForCausalLM",
    "CohereForCausalLM",
    "Ernie4_5ForCausalLM",
    "Exaone4ForCausalLM",
    "FalconForCausalLM",
    "GPT2LMHeadModel",
    "GPTBigCodeForCausalLM",
    "GPTJForCausalLM",
    "GPTNeoForCausalLM",
    "GPTNeoXForCausalLM",
    "Glm4ForCausalLM",
    "GlmForCausalLM",
    "MptForCausalLM",
    "OPTForCausalLM",
    "Olmo2ForCausalLM",
    "Olmo3ForCausalLM",
    "OlmoForCausalLM",
    "Qwen2MoeForCausalLM",
    "Qwen3MoeForCausalLM",
    "StableLmForCausalLM",
    "Starcoder2ForCausalLM",
    "XGLMForCausalLM",
)
"""Causal language models that it does not take, or gets wrong; Transformers' exporter does them.

The builder knows two of them and gets them wrong: it writes Olmo's norms as if they kept the mean,
and Ernie 4.5 answers otherwise than in PyTorch.
"""

ROPES = {
    "LlamaForCausalLM": {"default", "llama3"},
    "Phi3ForCausalLM": {"default", "longrope"},
    "HunYuanDenseV1ForCausalLM": {"default", "dynamic"},
}
"""Kinds of rotary positions that the builder writes; of a Llama it takes others for the default."""

LENGTHS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "n_ctx")

DEFAULT_LENGTH = 2048
"""Context of a model that names none: ALiBi reads on, however badly."""

SEES = ("vision_config", "audio_config")
"""Settings of models that read more than text."""


def is_built(folder: Path) -> bool:
    """Whether the builder exports a folder's model; else it is traced, which takes longer."""
    config = read_config(folder)
    name = _architecture(config)
    return name in BUILT and _rope_types(config) <= ROPES.get(name, {"default", "linear", "yarn"})


def read_config(folder: Path) -> dict[str, Any]:
    """Return config.json of a Hugging Face folder."""
    path = folder / "config.json"
    if not path.is_file():
        hint = "Name a folder that save_pretrained wrote."
        raise ExportError(f"{folder} holds no config.json.", hint)
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        hint = "Fetch the model again."
        raise ExportError(f"{path} is not JSON: {error}.", hint) from error
    return config


def check_exportable(folder: Path) -> None:
    """Refuse a model that cannot be exported, before anything is loaded.

    Raises:
        ExportError: What it is, and what is exported.
    """
    config = read_config(folder)
    name = _architecture(config)
    refuse_quantized(folder, config)
    reason = _why_not(config)
    if reason or name not in (*BUILT, *TRACED):
        known = f"labkit exports {', '.join((*BUILT, *TRACED))}."
        hint = known if reason else near(name, (*BUILT, *TRACED), known)
        problem = f"The architecture {name} cannot be exported"
        raise ExportError(f"{problem}: {reason}." if reason else f"{problem}.", hint)
    if not (folder / "tokenizer.json").is_file():
        hint = "Save it there: AutoTokenizer.from_pretrained(...).save_pretrained(folder)."
        raise ExportError(f"{folder} holds no tokenizer.json.", hint)


def refuse_quantized(folder: Path, config: dict[str, Any]) -> None:
    """Refuse weights that are quantised already: merging or exporting adds to the loss."""
    if config.get("quantization_config"):
        method = config["quantization_config"].get("quant_method", "an unnamed method")
        hint = "Start from the unquantised base model."
        raise ExportError(f"{folder.name} must hold plain weights; it uses {method}.", hint)


def suit(config: Any) -> None:  # noqa: ANN401 - transformers' config
    """Say in a config what the builder looks for under another name.

    Transformers 5 nests RoPE settings by kind of layer (Gemma 3); the epsilon of some norms has a
    name that the builder does not know (Phi, Nemotron), and it takes 1e-6; and a window is dropped
    unless it is said of each layer (Mistral, Phi 3).
    """
    nested = getattr(config, "rope_parameters", None) or {}
    if "full_attention" in nested:
        config.rope_theta = nested["full_attention"]["rope_theta"]
        config.rope_local_base_freq = nested["sliding_attention"]["rope_theta"]
        config.rope_parameters = dict(nested["full_attention"])
    for name in ("layer_norm_eps", "norm_eps"):
        if hasattr(config, name) and not hasattr(config, "rms_norm_eps"):
            config.rms_norm_eps = getattr(config, name)
    if getattr(config, "sliding_window", None) and not getattr(config, "layer_types", None):
        config.layer_types = ["sliding_attention"] * config.num_hidden_layers


def context_length(config: Any) -> int:  # noqa: ANN401 - transformers' config
    """Return the most tokens that a model reads."""
    found = (getattr(config, name, None) for name in LENGTHS)
    return int(next(filter(None, found), DEFAULT_LENGTH))


def _architecture(config: dict[str, Any]) -> str:
    return str((config.get("architectures") or ["(none named)"])[0])


def _rope_types(config: dict[str, Any]) -> set[str]:
    """Return the kinds of rotary positions of a model, by the names that config.json has."""
    found = config.get("rope_parameters") or config.get("rope_scaling") or {}
    settings = [value for value in found.values() if isinstance(value, dict)] or [found]
    return {str(of.get("rope_type") or of.get("type") or "default") for of in settings}


def _why_not(config: dict[str, Any]) -> str | None:
    """Return why a kind of model is not exported, whatever it is called."""
    if config.get("is_encoder_decoder"):
        return "it has an encoder, and labkit exports decoders alone"
    if any(name in config for name in SEES):
        return "it reads pictures or sound, and labkit exports models of text"
    if config.get("auto_map"):
        return "it runs code that came with it, which neither exporter takes"
    return None
