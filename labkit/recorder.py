"""Writes what happens in a run as it happens; whoever reads it may do so at any time."""

import json
import time
from pathlib import Path
from typing import Any

from .files import plain


class Recorder:
    """Writes a run's events: one JSON object a line, each flushed to the disk's care."""

    def __init__(self, path: Path) -> None:
        self._file = path / "events.jsonl"
        torn = self._file.exists() and not self._file.read_bytes().endswith(b"\n")
        self._lead = "\n" if torn and self._file.stat().st_size else ""

    def emit(self, kind: str, **values: Any) -> None:  # noqa: ANN401 - JSON values
        """Append one event with the time (seconds since 1970)."""
        event = {"time": round(time.time(), 3), "kind": kind, **values}
        line = self._lead + json.dumps(plain(event), ensure_ascii=False) + "\n"
        self._lead = ""
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(line)
