"""A tiny tied Llama with a tokenizer, exported once by the real builder."""

import pytest
from tiny import tiny_model

VOCAB = 256


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    """A Hugging Face folder: two layers, random weights, head and embedding tied."""
    folder = tmp_path_factory.mktemp("hf") / "tiny"
    save_llama(folder, tied=True)
    return folder


@pytest.fixture(scope="session")
def tiny_torch(tiny_folder):
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32).eval()


@pytest.fixture(scope="session")
def tiny_fp32(tiny_folder, tmp_path_factory):
    """The folder as fp32 ONNX."""
    from labkit.export.builder import export_onnx

    folder = tmp_path_factory.mktemp("onnx")
    export_onnx(tiny_folder, folder / "fp32", "fp32", log=folder / "log.txt")
    return folder / "fp32"


@pytest.fixture(scope="session")
def tiny_onnx(tiny_fp32):
    from labkit.runtime import OnnxModel

    return OnnxModel(tiny_fp32, threads=1)


@pytest.fixture(scope="session")
def rows():
    """Rows of token ids, with a shared beginning."""
    import numpy as np

    draw = np.random.default_rng(0)
    start = draw.integers(3, VOCAB, 9).tolist()
    return [start + draw.integers(3, VOCAB, n).tolist() for n in (4, 7, 1, 12)]


@pytest.fixture
def untied_folder(tmp_path):
    """As `tiny_folder`, but the head has weights of its own."""
    save_llama(tmp_path / "untied", tied=False)
    return tmp_path / "untied"


def save_llama(folder, *, tied, **config):
    model = tiny_model(
        seed=0,
        vocab_size=VOCAB,
        hidden_size=64,
        intermediate_size=96,
        tie_word_embeddings=tied,
        initializer_range=0.3,  # so that answers depend on the prompt
        eos_token_id=1,
        pad_token_id=2,
        bos_token_id=0,
        **config,
    )
    for name, parameter in model.named_parameters():
        if name.endswith(".bias"):
            parameter.data.normal_(0, 0.3)  # they start at zero
    model.save_pretrained(folder)
    save_tokenizer(folder)


def save_tokenizer(folder):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())[: VOCAB - 3]
    vocab = {token: i for i, token in enumerate(["<s>", "</s>", "<pad>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
