"""Any hub id, against a hub of the test's own that speaks the parts of the protocol used here."""

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

pytestmark = pytest.mark.process

SHA = "1" * 40
CONFIG = {"model_type": "llama"}
ASK = """
import sys
from labkit.catalog import resolve_model
from labkit.errors import LabError
try:
    print(resolve_model(sys.argv[1], trust_remote_code=len(sys.argv) > 2))
except LabError as error:
    sys.exit(f"REFUSED {error}")
"""


class Hub(BaseHTTPRequestHandler):
    """Repositories by name, each a dict of file name to content."""

    repositories: dict = {}  # noqa: RUF012 - set by the fixture
    fetched: list = []  # noqa: RUF012

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        parts = self.path.split("?")[0].strip("/").split("/")
        if parts[0] == "api":
            return self.answer_api("/".join(parts[2:4]), is_tree="tree" in parts)
        name, file = "/".join(parts[:2]), "/".join(parts[4:])
        if self.command == "GET":
            self.fetched.append(file)
        return self.answer(self.repositories[name][file], file)

    def answer_api(self, name, is_tree):
        files = self.repositories.get(name)
        if files is None:
            return self.answer(b"{}", "none", status=404, error="RepoNotFound")
        tree = [{"type": "file", "path": f, "size": len(b), "oid": f} for f, b in files.items()]
        info = {"id": name, "sha": SHA, "siblings": [{"rfilename": file} for file in files]}
        return self.answer(json.dumps(tree if is_tree else info).encode(), "api")

    def answer(self, body, tag, status=200, error=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{tag}"')
        self.send_header("X-Repo-Commit", SHA)
        if error:
            self.send_header("X-Error-Code", error)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture
def ask(tmp_path):
    config = json.dumps(CONFIG).encode()
    coded = json.dumps({**CONFIG, "auto_map": {"AutoModel": "modeling.Mine"}}).encode()
    Hub.fetched = []
    Hub.repositories = {
        "lab/good": {"config.json": config, "model.safetensors": b"w", "pytorch_model.bin": b"p"},
        "lab/pickled": {"config.json": config, "pytorch_model.bin": b"p"},
        "lab/coded": {"config.json": coded, "model.safetensors": b"w", "modeling.py": b"x = 1"},
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def run(*arguments, **environment):
        env = {
            **os.environ,
            "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            "HF_HOME": str(tmp_path / "hf"),
            **environment,
        }
        env = {name: value for name, value in env.items() if value}
        command = [sys.executable, "-c", ASK, *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)

    yield run
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_hub_model_is_fetched_without_its_pickles_and_then_read_offline(ask):
    first = ask("lab/good", HF_HUB_OFFLINE="")
    assert first.returncode == 0, first.stderr
    assert sorted(Hub.fetched) == ["config.json", "model.safetensors"]
    again = ask("lab/good", HF_HUB_OFFLINE="1")
    assert again.stdout == first.stdout, again.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lab/pickled", "REFUSED lab/pickled has its weights only as a pickle"),
        ("lab/coded", "runs Python code of its own"),
        ("lab/missing", "has no model lab/missing"),
    ],
)
def test_a_hub_model_that_cannot_be_trusted_or_found_is_refused_before_its_weights(
    ask, name, message
):
    done = ask(name, HF_HUB_OFFLINE="")
    assert message in done.stderr
    assert done.returncode == 1
    assert not {"model.safetensors", "pytorch_model.bin"} & set(Hub.fetched)


def test_code_of_a_model_comes_along_when_it_is_allowed(ask):
    done = ask("lab/coded", "trust", HF_HUB_OFFLINE="")
    assert done.returncode == 0, done.stderr
    assert "modeling.py" in Hub.fetched


@pytest.mark.parametrize(
    "environment",
    [{"HF_HUB_OFFLINE": "1"}, {"HF_HUB_OFFLINE": "", "HF_ENDPOINT": "http://127.0.0.1:9"}],
    ids=["switched off", "nothing answers"],
)
def test_a_hub_out_of_reach_is_a_sentence_with_a_way_out(ask, environment):
    done = ask("lab/good", **environment)
    assert "REFUSED lab/good is not in the local hub cache" in done.stderr
    assert "hf download lab/good" in done.stderr
