"""What happens in a run: written as it happens, read by whoever wants to at any time."""

import json
import time
from pathlib import Path
from typing import Any

from .files import plain

Event = dict[str, Any]


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


class Record:
    """The events of a run's folder, read as far as they are written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._events: list[Event] = []
        self._offset = 0

    def events(self) -> list[Event]:
        """Return all events so far; a line that is being written is left for the next call."""
        file = self.path / "events.jsonl"
        size = file.stat().st_size if file.exists() else 0
        if size < self._offset:  # the folder was replaced
            self._events, self._offset = [], 0
        if size > self._offset:
            with file.open("rb") as stream:
                stream.seek(self._offset)
                text = stream.read()
            whole = text[: text.rfind(b"\n") + 1]
            self._offset += len(whole)
            self._events += [event for line in whole.splitlines() if (event := _parse(line))]
        return self._events

    def of(self, kind: str) -> list[Event]:
        """Return the events of one kind; a step that was taken again stands once, the later one."""
        found = [event for event in self.events() if event["kind"] == kind]
        if kind not in ("step", "eval", "checkpoint", "lr_probe"):
            return found
        return [event for _, event in sorted({event["step"]: event for event in found}.items())]

    def last(self, *kinds: str) -> Event | None:
        """Return the latest event of any of these kinds."""
        return next((event for event in reversed(self.events()) if event["kind"] in kinds), None)


def _parse(line: bytes) -> Event | None:
    try:
        event = json.loads(line)
    except ValueError:  # a line torn by a kill
        return None
    return event if isinstance(event, dict) and "kind" in event else None
