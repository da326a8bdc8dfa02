"""Write a model with random weights, in a process of its own.

`python -m labkit.catalog.random_weights SOURCE TARGET JOB`: SOURCE is the folder of the model whose
architecture and tokenizer are taken, TARGET the folder to fill, JOB what differs, as JSON:
`{"seed": number, "config": {...}}`.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from .untrained import UNKNOWN

_TOKENIZER = ("tokenizer*", "*vocab*", "merges.txt", "special_tokens_map.json", "chat_template*")


def main(arguments: list[str]) -> None:
    """Write the model as the command line says; an error ends with its sentence on stderr."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    source, target, job = Path(arguments[0]), Path(arguments[1]), json.loads(arguments[2])
    config: Any = AutoConfig.from_pretrained(source, local_files_only=True)
    for name, value in job["config"].items():
        if not hasattr(config, name):
            sys.exit(f"{name} {UNKNOWN} {config.model_type}'s architecture")
        setattr(config, name, value)
    if "head_dim" not in job["config"] and hasattr(config, "head_dim"):
        config.head_dim = config.hidden_size // config.num_attention_heads
    torch.manual_seed(job["seed"])
    made: Any = AutoModelForCausalLM
    model = made.from_config(config, dtype=torch.float32)
    model.save_pretrained(target)
    for pattern in _TOKENIZER:
        for path in source.glob(pattern):
            shutil.copyfile(path, target / path.name)


if __name__ == "__main__":
    main(sys.argv[1:])
