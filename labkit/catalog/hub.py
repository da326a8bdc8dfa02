"""A model from a hub: pinned files checked by hash, or any id through huggingface_hub."""

import json
import os
import threading
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from .. import machine
from ..errors import CatalogError
from .child import Progress
from .names import check_remote_code, check_weights
from .package import check_file, is_offline
from .sources import HubSource, PinnedFile

_ANSWER_SECONDS = 3.0
_SILENCE_SECONDS = 30.0
_CHUNK = 1 << 20  # bytes
_SMALL_FILES = ("*.json", "*.txt", "*.model", "*.jinja", "LICENSE*", "README.md")

_WEIGHTS = ("*.safetensors",)


class Interrupted(Exception):  # noqa: N818 - a condition, never shown
    """The hub stopped answering in the middle of a file."""


def endpoint() -> str:
    """Return the hub's address: `$HF_ENDPOINT`, or the public one."""
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def is_hub_offline() -> bool:
    """Tell whether the reader asked not to use a hub: `HF_HUB_OFFLINE` or `LABKIT_OFFLINE`."""
    return machine.is_asked("HF_HUB_OFFLINE") or is_offline()


def answers(source: HubSource) -> bool:
    """Tell whether the hub has `source`, within about three seconds."""
    if is_hub_offline():
        return False
    reply: list[int] = []

    def ask() -> None:
        try:
            with _open(source, source.files[0], _ANSWER_SECONDS, method="HEAD") as response:
                reply.append(response.status)
        except (OSError, HTTPException, ValueError):
            reply.append(0)

    # a thread, because no timeout applies to the look-up of a host's name
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_ANSWER_SECONDS)
    return reply == [200]


def fetch(source: HubSource, into: Path, progress: Progress) -> None:
    """Put every file of `source` into the folder `into`, each checked by its hash.

    Raises:
        Interrupted: The hub stopped answering.
        CatalogError: A file is not the one in the catalogue.
    """
    done = 0
    for pinned in source.files:
        done = _fetch_file(source, pinned, into, progress, done)


def snapshot(hub_id: str, *, trust_remote_code: bool) -> Path:
    """Return the local folder of any hub model; from the hub's own cache where it is whole."""
    folder = local_folder(hub_id)
    if folder is None:
        if is_hub_offline():
            raise _unreachable(hub_id, "the hub is switched off by the environment")
        folder = _remote(hub_id, trust_remote_code)
    check_weights([path.name for path in folder.iterdir()], hub_id)
    check_remote_code(folder, trust_remote_code=trust_remote_code)
    return folder


def _open(source: HubSource, pinned: PinnedFile, timeout: float, method: str) -> HTTPResponse:
    address = f"{endpoint()}/{source.id}/resolve/{source.revision}/{pinned.path}"
    request = Request(address, method=method, headers={"User-Agent": "labkit"})
    response: HTTPResponse = urlopen(request, timeout=timeout)
    return response


def _fetch_file(
    source: HubSource, pinned: PinnedFile, into: Path, progress: Progress, done: int
) -> int:
    """Fetch one file and return the bytes done so far."""
    target, written = into / pinned.path, 0
    with target.open("wb") as file:
        for chunk in _chunks(source, pinned):
            file.write(chunk)
            written += len(chunk)
            progress("fetch", min(done + written, source.size), source.size)
            if written > pinned.size:
                break
    if written < pinned.size:
        raise Interrupted
    check_file(target, pinned)
    return done + pinned.size


def _chunks(source: HubSource, pinned: PinnedFile) -> Iterator[bytes]:
    try:
        with _open(source, pinned, _SILENCE_SECONDS, method="GET") as response:
            while chunk := response.read(_CHUNK):
                yield chunk
    except (OSError, HTTPException) as error:
        raise Interrupted from error


def local_folder(hub_id: str) -> Path | None:
    """Return the folder of a hub model in the hub's own cache, if all its weights are there."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        patterns = [*_SMALL_FILES, *_WEIGHTS]
        folder = Path(snapshot_download(hub_id, local_files_only=True, allow_patterns=patterns))
    except LocalEntryNotFoundError:
        return None
    return folder if (folder / "config.json").is_file() and _has_all_weights(folder) else None


def _has_all_weights(folder: Path) -> bool:
    """Tell whether the weights are there, and every shard where they are in several files."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return any(folder.glob("*.safetensors"))
    shards = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
    return all((folder / shard).is_file() for shard in set(shards))


def _remote(hub_id: str, trust_remote_code: bool) -> Path:
    """Fetch configuration and tokenizer, then, if the model may be used, its safetensors."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    small = [*_SMALL_FILES, *(["*.py"] if trust_remote_code else [])]
    options: dict[str, Any] = {"etag_timeout": 10, "tqdm_class": _quiet_bar()}
    try:
        info = HfApi().model_info(hub_id, timeout=10)
        check_weights([file.rfilename for file in info.siblings or []], hub_id)
        folder = Path(snapshot_download(hub_id, allow_patterns=small, **options))
        check_remote_code(folder, trust_remote_code=trust_remote_code)
        wanted = [*small, *_WEIGHTS]
        return Path(snapshot_download(hub_id, allow_patterns=wanted, **options))
    except GatedRepoError as error:
        problem = f"{hub_id} is on the hub, but its owner asks you to accept terms first."
        hint = f"Open {endpoint()}/{hub_id}, accept them, and log in with `hf auth login`."
        raise CatalogError(problem, hint=hint) from error
    except RepositoryNotFoundError as error:
        problem = f"The hub {endpoint()} has no model {hub_id}, or it is private."
        raise CatalogError(problem, hint="Check the spelling, owner included.") from error
    except CatalogError:
        raise
    except Exception as error:  # its HTTP client, whose own errors come up, changes by version
        raise _unreachable(hub_id, str(error).strip().split("\n")[0][:200]) from error


def _quiet_bar() -> type:
    from tqdm.auto import tqdm

    class Quiet(tqdm):  # type: ignore[misc,type-arg,unused-ignore]
        """A bar that shows nothing: a notebook has its own."""

        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **{**kwargs, "disable": True, "name": None})

    return Quiet


def _unreachable(hub_id: str, reason: str) -> CatalogError:
    return CatalogError(
        f"{hub_id} is not in the local hub cache and cannot be fetched: {reason or 'no answer'}.",
        hint=f"Run `hf download {hub_id}` on a connected machine, copy the folder and name it.",
    )
