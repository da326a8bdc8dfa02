"""The cache folder: whole or absent, checked, and clear about disks and rights."""

import errno
import threading
from dataclasses import replace

import pytest

from labkit.catalog import cache, cache_root, resolve_entry
from labkit.errors import CatalogError


@pytest.fixture
def filled(cache_folder):
    folder = cache.model_folder("tiny", "package-1.0")
    with cache.filling(folder) as partial:
        (partial / "model.safetensors").write_bytes(b"weights")
    return folder


def test_the_cache_lies_where_the_variable_says_or_at_home(monkeypatch, tmp_path):
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path))
    assert cache_root() == tmp_path
    monkeypatch.delenv("LABKIT_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_root() == tmp_path / ".cache" / "labkit"


def test_a_filled_folder_is_complete_and_unchanged(filled):
    assert cache.is_complete(filled)
    cache.verify(filled)


def test_a_missing_or_cut_file_is_noticed_by_its_size(filled):
    (filled / "model.safetensors").write_bytes(b"weigh")
    assert not cache.is_complete(filled)
    (filled / "model.safetensors").unlink()
    assert not cache.is_complete(filled)


def test_a_changed_file_of_the_same_size_is_noticed_when_hashes_are_asked_for(filled):
    (filled / "model.safetensors").write_bytes(b"Weights")
    assert cache.is_complete(filled)
    with pytest.raises(CatalogError, match=r"model\.safetensors in .* has changed"):
        cache.verify(filled)


@pytest.mark.parametrize("manifest", ["", "[]", '{"layout": 0, "files": {}}', '{"layout": 1}'])
def test_a_manifest_of_another_layout_or_none_counts_as_not_there(filled, manifest):
    (filled / cache.MANIFEST).write_text(manifest)
    assert not cache.is_complete(filled)


def fill_and_fail(folder):
    with cache.filling(folder) as partial:
        (partial / "model.safetensors").write_bytes(b"half")
        raise ValueError("stop")


def test_a_failure_while_filling_keeps_the_old_folder_and_nothing_else(filled):
    with pytest.raises(ValueError, match="stop"):
        fill_and_fail(filled)
    assert (filled / "model.safetensors").read_bytes() == b"weights"
    assert [path.name for path in filled.parent.iterdir()] == [filled.name]


def test_a_second_worker_waits_for_the_first(cache_folder):
    order, second_started = [], threading.Event()

    def second():
        second_started.set()
        with cache.locked("tiny"):
            order.append("second")

    with cache.locked("tiny"):
        thread = threading.Thread(target=second)
        thread.start()
        second_started.wait()
        thread.join(timeout=0.3)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_too_small_a_disk_is_refused_before_anything_is_fetched(index, cache_folder):
    huge = replace(index.hub_entry, disk_bytes=10**18)
    with pytest.raises(CatalogError, match=r"is full; 1,000,000,000,.* MB are needed"):
        resolve_entry(huge)
    assert ("GET", "model.safetensors") not in index.requests


def test_a_disk_that_fills_up_is_a_sentence(cache_folder):
    with pytest.raises(CatalogError, match="is full"), cache.writing():
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_cache_that_cannot_be_written_names_the_variable(index, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(CatalogError, match="cannot be written") as caught:
        resolve_entry(index.hub_entry)
    assert "LABKIT_CACHE" in caught.value.hint


def test_other_system_errors_keep_their_own_words(cache_folder):
    with pytest.raises(OSError, match="Input/output"), cache.writing():
        raise OSError(errno.EIO, "Input/output error")
