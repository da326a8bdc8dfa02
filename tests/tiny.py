"""Tiny random models: for mechanics, never for claims."""

SIZES = {
    "vocab_size": 199,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
BYTES = {"vocab_size": 260, "bos_token_id": 256, "eos_token_id": 257, "pad_token_id": 258}
ARCHITECTURES = {
    "llama": {},
    "phi3": {},
    "qwen2": {},
    "qwen3": {"head_dim": 8},
    "gemma2": {"head_dim": 8},
    "gemma3": {"model_type": "gemma3_text", "head_dim": 8, "sliding_window": 40},
    "gpt2": {"loss_type": "ForCausalLM", "num_key_value_heads": 4}
    | dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), 0.0),
    "gpt_neox": {"num_key_value_heads": 4},
}
"""What each sets beside `SIZES`; an architecture that is not here has to need nothing more."""


def tiny_model(architecture="llama", *, seed=0, **config):
    """Return a float32 causal language model; a seed gives the same random weights each time."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(seed)
    own = {"model_type": architecture} | ARCHITECTURES.get(architecture, {})
    made = AutoConfig.for_model(**SIZES | own | config)
    return AutoModelForCausalLM.from_config(made, dtype=torch.float32)


def byte_model(architecture="llama", **config):
    """Return a model whose tokens are bytes, and whose answers depend strongly on all it reads."""
    return tiny_model(architecture, **BYTES, initializer_range=0.3, **config).eval()
