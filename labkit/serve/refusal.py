"""A request that is not served, in the words and the form of OpenAI's errors."""

from typing import Any

from ..errors import LabError

TYPES = {401: "authentication_error", 429: "rate_limit_error"}
"""OpenAI's word for the kind of error, by HTTP status; by hundreds for the rest."""


class Refusal(LabError):  # noqa: N818 - reads as the answer it becomes
    """Why a request is not served.

    Args:
        problem: One sentence: the thing, its rule, the value found.
        hint: One sentence: what to do next.
        status: HTTP status.
        code: OpenAI's word for this error, for programs.
        param: The field of the request that is at fault.
    """

    def __init__(
        self,
        problem: str,
        hint: str,
        *,
        status: int = 400,
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(problem, hint)
        self.status, self.code, self.param = status, code, param


def refusal_of(error: LabError) -> Refusal:
    """Return an error of the library as one of the request that led to it."""
    return error if isinstance(error, Refusal) else Refusal(error.problem, error.hint)


def body_of(error: LabError) -> dict[str, Any]:
    """Return the error object that OpenAI's clients read."""
    refusal = refusal_of(error)
    usual = "server_error" if refusal.status >= 500 else "invalid_request_error"
    return {
        "error": {
            "message": f"{refusal.problem} {refusal.hint}",
            "type": TYPES.get(refusal.status, usual),
            "param": refusal.param,
            "code": refusal.code,
        }
    }


def broken() -> Refusal:
    """Return what an asker learns of a fault of ours; the traceback goes to the server's log."""
    hint = "The server's log has the traceback."
    return Refusal("The server failed to answer.", hint, status=500, code="internal_error")


def full(limit: int) -> Refusal:
    """Return the refusal of a request that finds the queue full."""
    return Refusal(
        f"The server works on {limit} requests already, as many as it takes.",
        "Ask again a little later.",
        status=429,
        code="queue_full",
    )


def stopping() -> Refusal:
    """Return the refusal of a server that was asked to stop."""
    hint = "Ask again when it runs again."
    return Refusal("The server is stopping.", hint, status=503, code="server_stopping")
