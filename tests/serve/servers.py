"""Servers in processes of their own, started as a user starts them."""

import contextlib
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Served:
    """A server at work."""

    process: subprocess.Popen
    url: str
    welcome: str

    def get(self, path):
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as reply:
            return json.load(reply)

    def is_stopping(self):
        """Whether it takes no requests any more."""
        try:
            return self.get("/health")["status"] != "ok"
        except urllib.error.HTTPError as error:
            with error:
                return error.code == 503
        except urllib.error.URLError:
            return True

    def client(self, **options):
        import openai

        given = {"base_url": f"{self.url}/v1", "api_key": "none", "max_retries": 0, "timeout": 60}
        return openai.OpenAI(**given | options)


@contextlib.contextmanager
def started(exported, without_torch, *flags, **environment):
    """Run `labkit serve` on a free port until the block ends."""
    command = [sys.executable, "-m", "labkit", "serve", str(exported), "--port", "0", *flags]
    paths = [str(without_torch), str(Path(__file__).parents[2])]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | environment
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=env, text=True, **pipes) as process:
        try:
            welcome = "".join(process.stdout.readline() for _ in range(6))
            url = re.search(r"http://[^/]+", welcome)
            assert url, process.communicate(timeout=10)
            yield Served(process, url[0], welcome)
        finally:
            process.kill()
