"""The child of `ask`: a request as JSON on standard input, the files as JSON on standard output."""

import json
import sys
from contextlib import redirect_stdout
from typing import Any

from ..errors import LabError
from ..spec import FinetuneSpec
from .write import files


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    spec = FinetuneSpec.from_yaml(request["spec"])
    answer: dict[str, Any]
    try:
        with redirect_stdout(sys.stderr):  # libraries talk
            answer = {"files": files(spec, request["name"], request["precision"])}
    except LabError as error:
        answer = error.as_record()
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
