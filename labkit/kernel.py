"""The notebook's kernel: whether an interrupt means ■, or that the kernel is about to end."""

import sys
import time
from typing import Any


def is_ending(patience: float = 0.5) -> bool:
    """Tell whether the kernel that was just interrupted is being restarted or shut down.

    Jupyter interrupts a kernel right before it asks it to end, so this waits for the question.

    Args:
        patience: Seconds to wait for it; outside a kernel there is no waiting.
    """
    loaded = sys.modules.get("IPython")
    shell: Any = loaded.get_ipython() if loaded else None
    if getattr(shell, "kernel", None) is None:
        return False
    deadline = time.monotonic() + patience
    try:
        while not shell.exit_now and time.monotonic() < deadline:
            time.sleep(0.02)
    except KeyboardInterrupt:  # ■ once more: it is meant
        return False
    return bool(shell.exit_now)
