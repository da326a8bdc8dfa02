"""From a model's name to a local folder that is ready to load."""

import json
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path
from shutil import rmtree

from ..errors import CatalogError
from . import cache, hub, package
from .child import Progress, folder_bytes, last_line, run_module, unseen
from .entries import ModelEntry, model_entry
from .names import check_folder, check_model_name
from .sources import HubSource, PackageSource
from .terms import require_terms

Source = HubSource | PackageSource


def resolve_model(
    name: str,
    *,
    trust_remote_code: bool = False,
    progress: Progress | None = None,
    verify: bool = False,
) -> Path:
    """Return a local folder with the model `name`, in the Hugging Face layout.

    Args:
        name: A catalogue name, a folder, or a hub id `owner/name`.
        trust_remote_code: Whether a model may bring Python code of its own.
        progress: Called with stage (`fetch`, `convert`), bytes done, bytes in total.
        verify: Whether to read a cached catalogue model and compare its hashes.

    Raises:
        CatalogError: The model cannot be found, fetched or trusted.
    """
    check_model_name(name)
    entry = model_entry(name)
    if entry is not None:
        return resolve_entry(entry, progress=progress, verify=verify)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return check_folder(folder, trust_remote_code=trust_remote_code)
    return hub.snapshot(name, trust_remote_code=trust_remote_code)


def resolve_entry(
    entry: ModelEntry, *, progress: Progress | None = None, verify: bool = False
) -> Path:
    """Return the folder of a catalogue model: from the cache, else fetched and converted once."""
    ready = cached(entry)
    if ready is None:
        require_terms(entry)
        with cache.locked(entry.name):
            return cached(entry) or _fetch(entry, progress or unseen)
    if verify:
        cache.verify(ready)
    return ready


def cached(entry: ModelEntry) -> Path | None:
    """Return the folder of `entry` if the cache has it whole; never asks the network."""
    sources = (source for source in (entry.hub, entry.package) if source is not None)
    folders = (cache.model_folder(entry.name, source.folder) for source in sources)
    return next((folder for folder in folders if cache.is_complete(folder)), None)


def _fetch(entry: ModelEntry, progress: Progress) -> Path:
    if entry.hub is not None and hub.answers(entry.hub):
        try:
            return _fill(entry, entry.hub, partial(hub.fetch, entry.hub), progress)
        except hub.Interrupted:
            pass  # the package index has the same model
    if entry.package is not None:
        return _fill(entry, entry.package, partial(package.fetch, entry, entry.package), progress)
    problem = f"The model {entry.name} is not in the cache and no hub answers."
    raise CatalogError(problem, hint=package.how_to_fetch(entry))


def _fill(
    entry: ModelEntry,
    source: Source,
    fetch: Callable[[Path, Progress], Path | None],
    progress: Progress,
) -> Path:
    """Fetch and convert into a folder that takes its name at the end."""
    cache.check_room(2 * source.size + entry.disk_bytes)
    folder = cache.model_folder(entry.name, source.folder)
    with cache.filling(folder) as partial_folder:
        raw = partial_folder / ".raw"
        raw.mkdir()
        gguf = fetch(raw, progress)
        if entry.encoder:
            _take(raw, partial_folder)
        else:
            _convert(entry, raw, partial_folder, gguf.name if gguf else None, progress)
        rmtree(raw)
        (partial_folder / "NOTICE.txt").write_text(_notice(entry, source), encoding="utf-8")
    return folder


def _take(raw: Path, target: Path) -> None:
    """Take a model's files as they came."""
    for path in raw.iterdir():
        path.rename(target / path.name)


def _convert(
    entry: ModelEntry, raw: Path, target: Path, gguf: str | None, progress: Progress
) -> None:
    start, total = folder_bytes(target), entry.disk_bytes
    progress("convert", 0, total)
    status, stderr = run_module(
        ["labkit.catalog.convert", str(raw), str(target), _job(entry, gguf)],
        environment={"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
        watch=target,
        report=lambda size: progress("convert", max(0, min(size - start, total)), total),
    )
    if status != 0:
        raise _conversion_failed(entry, status, stderr)
    progress("convert", total, total)


def _job(entry: ModelEntry, gguf: str | None) -> str:
    """Return what the conversion is to do, as JSON."""
    tokenizer = dict(entry.tokenizer)
    name = tokenizer.pop("chat_template", None)
    template = (files(__package__) / name).read_text(encoding="utf-8") if name else None
    job = {"gguf": gguf, "tokenizer": tokenizer, "config": dict(entry.config)}
    return json.dumps({**job, "template": template})


def _conversion_failed(entry: ModelEntry, status: int, stderr: str) -> CatalogError:
    if "No space left" in stderr:
        return cache.no_room(entry.disk_bytes)
    reason = last_line(stderr) or f"exit status {status}"
    hint = "Nothing was kept; run the same command again, and report it if it comes back."
    if status == -9:
        reason = "the system ended it, most likely for lack of memory"
        need = f"{entry.memory_bytes / 1e9:.1f} GB"
        hint = f"It needs {need} of memory; close other notebooks and try again."
    return CatalogError(f"The model {entry.name} could not be converted: {reason}.", hint=hint)


def _notice(entry: ModelEntry, source: Source) -> str:
    if isinstance(source, HubSource):
        origin = f"the hub repository {source.id}, revision {source.revision}"
    else:
        wheels = ", ".join(wheel.requirement for wheel in source.wheels)
        first = max(source.files, key=lambda file: file.size)
        origin = f"{first.path} of the Python package {wheels} (SHA-256 {first.sha256})"
    done = "unchanged" if entry.encoder else "converted to fp32 safetensors"
    return (
        f"{entry.title}\n\nMade by {entry.made_by}.\nLicence: {entry.licence}, "
        f"{entry.licence_url}\n\nFetched from {origin}\nand {done}; "
        "the values of the weights are those of that source.\n"
    )
