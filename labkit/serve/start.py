"""From a run's name to a server that answers."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import SpecError, extra, listed
from ..spec import ServeSpec
from .listening import bound, is_loopback, url_of

KEY = "LABKIT_API_KEY"


def run(
    name: str,
    *,
    say: Callable[[str], None],
    **settings: Any,  # noqa: ANN401 - the fields of ServeSpec
) -> None:
    """Serve a run's exported model until the process is asked to stop (SIGINT or SIGTERM).

    Args:
        name: The run, or the folder of its exported model.
        say: Takes what the server tells: where it is, once it is ready, and that it stops.
        settings: Fields of `ServeSpec`.

    Raises:
        SpecError: A setting is wrong, or the port is in use.
        MissingExtra: starlette or uvicorn is not installed.
        RunError: The run has no such export.
    """
    spec = ServeSpec.from_mapping({"run": name, **settings})
    with extra("serve"):
        from .models import models_of
        from .server import serve
    api_key = spec.api_key or os.environ.get(KEY) or None
    if api_key is None and not is_loopback(spec.host):
        raise SpecError(
            f"A server that others can reach must have an api_key; host is {spec.host!r}.",
            hint=f"Set {KEY} before you start it, or leave host out.",
        )
    with bound(spec.host, spec.port) as listener:
        models = models_of(spec)
        ready = welcome(url_of(spec.host, listener), [*models], needs_key=api_key is not None)
        serve(models, spec, api_key, listener, ready=ready, say=say)


def welcome(url: str, names: Sequence[str], *, needs_key: bool) -> str:
    """Return the line that says a server is ready, and two examples.

    Args:
        url: Where it listens, without a path.
        names: Models that can be asked.
        needs_key: Whether every request must bring the key.
    """
    header = ' -H "Authorization: Bearer $LABKIT_API_KEY"' if needs_key else ""
    key = 'os.environ["LABKIT_API_KEY"]' if needs_key else '"none"'
    model = names[0]
    return f"""labkit serves {listed(names, "and")} at {url}/v1 (stop with Ctrl+C).
  curl {url}/v1/chat/completions -H 'Content-Type: application/json'{header} \\
    -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello"}}]}}'
  client = openai.OpenAI(base_url="{url}/v1", api_key={key})
  turn = {{"role": "user", "content": "Hello"}}
  client.chat.completions.create(model="{model}", messages=[turn])"""
