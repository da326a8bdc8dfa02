"""Chat templates: compiled as Transformers does, in a sandbox, as they come with a model."""

import json
from datetime import datetime
from functools import lru_cache
from typing import Any, NoReturn


@lru_cache(maxsize=16)
def compiled(template: str) -> Any:  # noqa: ANN401 - a jinja2 template
    """Return a chat template that can be rendered.

    Raises:
        jinja2.TemplateSyntaxError: It is no template.
    """
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """Reads `{% generation %}`, which marks what the assistant says, and leaves it out."""

        tags = {"generation"}  # noqa: RUF012 - jinja2's way

        def parse(self, parser: Any) -> Any:  # noqa: ANN401 - jinja2's parser and nodes
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals |= {"raise_exception": _refuse, "strftime_now": _now}
    return environment.from_string(template)


def _to_json(value: Any, ensure_ascii: bool = False, **options: Any) -> str:  # noqa: ANN401 - any
    """Return JSON; unlike jinja2's own filter it leaves `<` and `&` alone."""
    return json.dumps(value, ensure_ascii=ensure_ascii, **options)


def _refuse(message: str) -> NoReturn:
    from jinja2.exceptions import TemplateError

    raise TemplateError(message)


def _now(form: str) -> str:
    return datetime.now().strftime(form)
