"""What this machine has for a folder; asked in a process of its own, for it opens runtimes."""

from importlib.util import find_spec
from pathlib import Path

from ...runtime.folder import section
from ...runtime.targets import choose, named

Said = tuple[bool | None, str]
"""Whether it is as it must be (None: could not be looked at), and what was found."""


def provider_here(folder: str) -> Said:
    """Return whether ONNX Runtime has the execution provider that a folder is made for.

    Raises:
        ExportError: It has not; the sentences say what brings it.
    """
    if find_spec("onnxruntime") is None:
        return False, "onnxruntime is not installed: pip install onnxruntime"
    import onnxruntime

    name = section(Path(folder), "session").get("target", "cpu")
    choose(name)
    return True, f"{named(name).provider} of onnxruntime {onnxruntime.__version__}"


def genai_opens(folder: str) -> Said:
    """Return whether onnxruntime-genai takes a folder, with its tokenizer and its settings."""
    if find_spec("onnxruntime_genai") is None:
        return None, "not installed, so not tried: pip install onnxruntime-genai"
    import onnxruntime_genai as og

    try:
        model = og.Model(folder)
        tokens = len(og.Tokenizer(model).encode("A word."))
    except Exception as error:  # noqa: BLE001 - its errors are of many kinds
        return False, f"it does not open: {' '.join(str(error).split())}"
    return True, f"{og.__version__} opens it, its tokenizer reads {tokens} tokens"
