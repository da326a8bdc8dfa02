"""PEFT without bitsandbytes: importing that takes a second, and only runs in 4 bits need it."""

import sys


def import_peft() -> None:
    """Import PEFT and let it think that bitsandbytes is not installed."""
    from transformers.utils.import_utils import is_bitsandbytes_available

    is_bitsandbytes_available()  # both libraries keep their first answer; this one is the truth
    if "bitsandbytes" in sys.modules:
        return
    sys.modules["bitsandbytes"] = None  # type: ignore[assignment]  # what is None is not found
    try:
        from peft.import_utils import is_bnb_4bit_available

        is_bnb_4bit_available()
    finally:
        del sys.modules["bitsandbytes"]


def show_bitsandbytes() -> None:
    """Let PEFT look for bitsandbytes again."""
    from peft.import_utils import is_bnb_4bit_available, is_bnb_available

    is_bnb_available.cache_clear()
    is_bnb_4bit_available.cache_clear()
