"""A tiny random model and a tokenizer of bytes."""

import pytest
from tiny import byte_model


@pytest.fixture(scope="session")
def llama():
    return byte_model("llama")


@pytest.fixture(scope="session")
def byte_tokenizer():
    """A tokenizer whose token is a UTF-8 byte; 256 begins, 257 ends, 258 fills up."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = pre_tokenizers.ByteLevel.alphabet()
    tokenizer = Tokenizer(models.BPE({c: i for i, c in enumerate(sorted(letters))}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>"
    )
