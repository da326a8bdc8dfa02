"""How each kind of error is answered: OpenAI's error object, with its status."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ..errors import LabError
from .refusal import Refusal, body_of, broken, refusal_of

LATER = {"Retry-After": "1"}
"""Seconds to wait before a request is sent again: answers are short, so a place is soon free."""


def refused(error: LabError) -> Response:
    """Return the response that tells a client why it is not served."""
    refusal = refusal_of(error)
    headers = LATER if refusal.status in (429, 503) else None
    return JSONResponse(body_of(refusal), refusal.status, headers=headers)


def _lab_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, LabError)
    return refused(error)


def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    hint = "There are /v1/chat/completions, /v1/completions, /v1/models and /health."
    said = {404: "There is no such path here.", 405: "This path takes another method."}
    problem = said.get(error.status_code, f"{error.detail}.")
    return refused(Refusal(problem, hint, status=error.status_code))


def _hung_up(_request: Request, _error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it


def _fault(_request: Request, _error: Exception) -> Response:
    return refused(broken())


HANDLERS: Mapping[Any, Callable[[Request, Exception], Response]] = {
    LabError: _lab_error,
    HTTPException: _http_error,
    ClientDisconnect: _hung_up,
    Exception: _fault,
}
"""The maker of a response for each kind of error."""
