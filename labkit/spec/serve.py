"""Settings of a server."""

from dataclasses import dataclass

from ..settings import Spec, setting
from .optimize import PRECISIONS


@dataclass(frozen=True, kw_only=True)
class ServeSpec(Spec):
    """Settings of a server that answers with one exported model."""

    run: str
    """Run whose export answers, a name from `labkit runs` or the path of a folder."""

    precision: str | None = setting(None, choices=PRECISIONS)
    """Export that answers; left out: the one that the ladder chose."""

    host: str = "127.0.0.1"
    """Address to listen on; any but this machine's own (loopback) needs an `api_key`."""

    port: int = setting(8000, at_least=0, at_most=65535)
    """Port to listen on; 0 takes any that is free."""

    api_key: str | None = None
    """Key that every request must bring; left out: what LABKIT_API_KEY says, else none."""

    parallel: int = setting(16, at_least=1, at_most=256, unit="answers")
    """Answers that are written at once, a token of each in turn."""

    queue: int = setting(64, at_least=0, at_most=4096, unit="requests")
    """Requests that may wait for their turn; the next one is told to come back later."""

    threads: int | None = setting(None, at_least=1, at_most=1024)
    """Threads of the model; left out: as it was tuned, or ONNX Runtime's own choice."""

    grace: float = setting(10.0, at_least=0, at_most=600, unit="seconds")
    """How long running answers may go on once the server was asked to stop."""
