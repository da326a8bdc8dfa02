"""Where a model's tokenizer lies on this machine, and whether it was trained on chats."""

from pathlib import Path

from ...catalog import cached, model_entry
from ..text_tokenizer import chat_template


def tokenizer_folder(model: str) -> Path | None:
    """Return the folder with the model's tokenizer if it is on this machine; fetches nothing."""
    entry = model_entry(model)
    folder = cached(entry) if entry else Path(model).expanduser()
    if folder is not None and (folder / "tokenizer.json").is_file():
        return folder
    return None if entry or (folder and folder.is_dir()) else _hub_folder(model)


def _hub_folder(model: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        file = try_to_load_from_cache(model, "tokenizer.json")
    except HFValidationError:
        return None
    return Path(file).parent if isinstance(file, str) else None


def has_chat_template(folder: Path) -> bool:
    """Tell whether a model's folder has a chat template: it was trained on chats."""
    return chat_template(folder) is not None
