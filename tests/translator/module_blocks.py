"""The code blocks of the course's text, from `module_blocks.md`."""

import re
from pathlib import Path

TEXT = Path(__file__).with_suffix(".md").read_text(encoding="utf-8")

BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TEXT, re.DOTALL)
"""Language and text of each block."""

STANDINS = {
    "meta-llama/Llama-3.2-1B-Instruct": "smollm2-135m",
    "meta-llama/Meta-Llama-3-8B": "smollm2-135m",
    "microsoft/DialoGPT-medium": "smollm2-135m",
    "models/base": "smollm2-135m",
    "xxyyzzz/phrase_classification": "phrases",
    "nampdn-ai/tiny-codes": "tiny-code",
    "path/to/your/dataset.json": "instructions",
    "model": "smollm2-135m",
    "data": "phrases",
    "classification": "phrases",
    "generation": "instructions",
    "c_attn": "q_proj+k_proj+v_proj",
    "c_proj": "o_proj",
    "ln_f": "norm",
}
"""What is taken here for the text's names."""


def block(number: int) -> str:
    """Return the text of a block."""
    return BLOCKS[number][1]
