"""A small random model of each architecture that can be exported; and how one is exported."""

import json
import sys
from pathlib import Path

SIZES = {
    "vocab_size": 256,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "initializer_range": 0.3,  # so that answers depend on the prompt
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 2,
}
ALL_HEADS = {"num_key_value_heads": 4}
MOE = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
LFM2 = {"layer_types": ["conv", "full_attention"], "block_auto_adjust_ff_dim": False}
OPT = {"ffn_dim": 96, "word_embed_proj_dim": 64}
SMALL = {
    "Gemma2ForCausalLM": ("gemma2", {"head_dim": 16, "sliding_window": 20}),
    "Gemma3ForCausalLM": (
        "gemma3_text",
        {
            "hidden_size": 96,  # its root is no whole number, and a factor in the model
            "head_dim": 16,
            "sliding_window": 20,
            "layer_types": ["sliding_attention", "full_attention"],
        },
    ),
    "GemmaForCausalLM": ("gemma", {"head_dim": 16}),
    "GptOssForCausalLM": (
        "gpt_oss",
        {"head_dim": 16, "num_local_experts": 4, "sliding_window": 20},
    ),
    "GraniteForCausalLM": ("granite", {"logits_scaling": 2.0}),
    "HunYuanDenseV1ForCausalLM": ("hunyuan_v1_dense", {"head_dim": 16}),
    "Lfm2ForCausalLM": ("lfm2", LFM2),
    "LlamaForCausalLM": ("llama", {}),
    "MistralForCausalLM": ("mistral", {"sliding_window": 20}),
    "NemotronForCausalLM": ("nemotron", {"hidden_size": 128}),
    "Phi3ForCausalLM": ("phi3", {"original_max_position_embeddings": 128}),
    "PhiForCausalLM": ("phi", {"hidden_size": 128, **ALL_HEADS}),
    "Qwen2ForCausalLM": ("qwen2", {}),
    "Qwen3ForCausalLM": ("qwen3", {"head_dim": 16}),
    "SmolLM3ForCausalLM": ("smollm3", {}),
    "BioGptForCausalLM": ("biogpt", {}),
    "BloomForCausalLM": ("bloom", {}),
    "CodeGenForCausalLM": ("codegen", {"rotary_dim": 8}),
    "Cohere2ForCausalLM": ("cohere2", {"head_dim": 16, "sliding_window": 20}),
    "CohereForCausalLM": ("cohere", {}),
    "Ernie4_5ForCausalLM": ("ernie4_5", {"head_dim": 16}),
    "Exaone4ForCausalLM": ("exaone4", {"head_dim": 16, "sliding_window": 20}),
    "FalconForCausalLM": ("falcon", {}),
    "GPT2LMHeadModel": ("gpt2", {}),
    "GPTBigCodeForCausalLM": ("gpt_bigcode", {}),
    "GPTJForCausalLM": ("gptj", {"rotary_dim": 8}),
    "GPTNeoForCausalLM": ("gpt_neo", {"attention_types": [[["global", "local"], 1]]}),
    "GPTNeoXForCausalLM": ("gpt_neox", {}),
    "Glm4ForCausalLM": ("glm4", {"head_dim": 16}),
    "GlmForCausalLM": ("glm", {"head_dim": 16}),
    "MptForCausalLM": ("mpt", {"d_model": 64, "n_heads": 4, "n_layers": 2, "max_seq_len": 128}),
    "OPTForCausalLM": ("opt", OPT),
    "Olmo2ForCausalLM": ("olmo2", {}),
    "Olmo3ForCausalLM": ("olmo3", {"sliding_window": 20}),
    "OlmoForCausalLM": ("olmo", ALL_HEADS),
    "Qwen2MoeForCausalLM": ("qwen2_moe", MOE | {"shared_expert_intermediate_size": 32}),
    "Qwen3MoeForCausalLM": ("qwen3_moe", MOE | {"head_dim": 16}),
    "StableLmForCausalLM": ("stablelm", {}),
    "Starcoder2ForCausalLM": ("starcoder2", {}),
    "XGLMForCausalLM": ("xglm", {"d_model": 64, "num_layers": 2, "attention_heads": 4}),
}
"""Model type and settings beside `SIZES`, by the name that config.json gives the architecture."""


def save_small(architecture, folder, **settings):
    """Save a small random model with a tokenizer; biases and norms are drawn as well."""
    import torch
    from exported import save_tokenizer
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    kind, own = SMALL[architecture]
    config = AutoConfig.for_model(kind, **SIZES | own | settings)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    assert type(model).__name__ == architecture
    for name, parameter in model.named_parameters():
        if name.endswith(".bias"):
            parameter.data.normal_(0, 0.3)
        elif parameter.ndim == 1:
            parameter.data += 0.2 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    save_tokenizer(folder)


def rows_of(n_tokens=(1, 4, 40)):
    """Return rows of token ids, one longer than the windows above."""
    import numpy as np

    draw = np.random.default_rng(0)
    return [draw.integers(3, SIZES["vocab_size"], n).tolist() for n in n_tokens]


def export_all(jobs):
    """Export folders to fp32, one after the other in this process; return errors by folder."""
    from labkit.export.architectures import is_built
    from labkit.export.builder import build
    from labkit.export.traced.trace import trace

    failed = {}
    for folder, out in jobs:
        try:
            (build if is_built(Path(folder)) else trace)(folder, out)
        except Exception as error:  # noqa: BLE001 - to be told by the test of this architecture
            failed[folder] = f"{type(error).__name__}: {error}"
    return failed


if __name__ == "__main__":  # a process for all: most of the time goes into imports
    Path(sys.argv[1]).write_text(json.dumps(export_all(json.load(sys.stdin))))
