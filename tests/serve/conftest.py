"""A tiny exported model with two adapters, and servers that answer with it."""

import sys
from pathlib import Path

import pytest
from servers import started

sys.path.append(str(Path(__file__).parents[1] / "export"))

TEMPLATE = (
    "{% for turn in messages %}{{ turn['role'] }}: {{ turn['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}"
)
CONTEXT = 4096
NOT_NEEDED = ("torch", "transformers", "peft", "onnx", "accelerate", "datasets", "pandas")


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """A folder with a random model that never ends an answer by itself, and two adapters."""
    from exported import save_llama
    from runs import tuned

    from labkit.export.adapters import add_inputs, convert
    from labkit.export.builder import export_onnx
    from labkit.runtime import prompt_section
    from labkit.runtime.folder import write_section
    from labkit.spec import FinetuneSpec

    root = tmp_path_factory.mktemp("served")
    base, folder = root / "hf", root / "tiny"
    save_llama(base, tied=True, max_position_embeddings=CONTEXT)
    forbid_end(base)
    export_onnx(base, folder, "fp32", log=root / "log.txt")
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    add_inputs(folder)
    (folder / "adapters").mkdir()
    facts = {}
    for name, r in (("tone", 4), ("intents", 2)):
        file = f"adapters/{name}.onnx_adapter"
        run = tuned(base, root / name, r=r, seed=r)
        facts[name] = {"file": file, "r": convert(run.learned, folder, folder / file)}
    trained = FinetuneSpec(text_template="text: {text}\nintent: {intent}")
    facts["intents"]["prompt"] = prompt_section(trained)
    write_section(folder, "adapters", facts)
    return folder


def forbid_end(folder):
    """Give the end token the logit 0 everywhere: another one is always likelier."""
    from safetensors.torch import load_file, save_file

    file = folder / "model.safetensors"
    weights = load_file(file)
    weights["model.embed_tokens.weight"][1] = 0
    save_file(weights, file, metadata={"format": "pt"})


@pytest.fixture(scope="session")
def without_torch(tmp_path_factory):
    """A folder that makes the imports fail which a server must not need."""
    folder = tmp_path_factory.mktemp("without")
    for name in NOT_NEEDED:
        (folder / f"{name}.py").write_text(f"raise AssertionError('{name} was imported')\n")
    return folder


@pytest.fixture(scope="module")
def server(exported, without_torch):
    with started(exported, without_torch) as served:
        yield served


@pytest.fixture(scope="module")
def narrow(exported, without_torch):
    """A server that writes one answer, lets one wait, and wants a key."""
    flags = ("--parallel", "1", "--queue", "1")
    with started(exported, without_torch, *flags, LABKIT_API_KEY="secret") as served:
        yield served
