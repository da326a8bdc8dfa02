"""`labkit serve` beside OpenAI's own client: answers, streams, errors, many at once, the end."""

import json
import shutil
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from servers import started

from labkit.cli import main
from labkit.runtime import Loaded
from labkit.runtime.folder import write_section

pytestmark = pytest.mark.process

HELLO = [{"role": "user", "content": "Hello"}]
LONG = {"model": "tiny", "messages": HELLO, "max_tokens": 4000}


@pytest.fixture(scope="module")
def client(server):
    with server.client() as client:
        yield client


@pytest.fixture(scope="module")
def loaded(exported):
    return Loaded(exported, threads=1)


def chat(client, text="Hello", **options):
    given = {"model": "tiny", "messages": [{"role": "user", "content": text}], "max_tokens": 24}
    return client.chat.completions.create(**given | options)


def test_a_chat_is_answered_as_the_loaded_model_answers(client, loaded):
    reply = chat(client)
    assert reply.object == "chat.completion"
    assert reply.model == "tiny"
    assert reply.id.startswith("chatcmpl-")
    assert abs(reply.created - time.time()) < 60
    [choice] = reply.choices
    assert choice.message.role == "assistant"
    assert choice.message.content == loaded.generate("Hello", max_new_tokens=24)
    assert choice.finish_reason == "length"


def test_usage_counts_the_tokens_of_the_models_own_tokenizer(client):
    usage = chat(client).usage
    prompt = "user: Hello\nassistant:"  # each byte is a token
    assert (usage.prompt_tokens, usage.completion_tokens) == (len(prompt), 24)
    assert usage.total_tokens == len(prompt) + 24


def test_a_streamed_answer_is_the_whole_answer_in_chunks(client):
    wanted = chat(client)
    chunks = [*chat(client, stream=True, stream_options={"include_usage": True})]
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks[:-1]]
    assert "".join(texts) == wanted.choices[0].message.content
    assert sum(map(bool, texts)) > 5
    reasons = [chunk.choices[0].finish_reason for chunk in chunks[:-1]]
    assert reasons == [None] * (len(reasons) - 1) + ["length"]
    assert (chunks[-1].choices, chunks[-1].usage) == ([], wanted.usage)


def test_a_stream_has_no_counts_unless_they_are_asked_for(client):
    assert all(chunk.usage is None and chunk.choices for chunk in chat(client, stream=True))


def test_a_stop_text_ends_the_answer_and_is_not_part_of_it(client):
    whole = chat(client, max_tokens=60).choices[0].message.content
    stop = whole[20:22]
    reply = chat(client, max_tokens=60, stop=["never to be found", stop])
    assert reply.choices[0].message.content == whole[: whole.index(stop)]
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.completion_tokens < 60
    pieces = chat(client, max_tokens=60, stop=stop, stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in pieces)
    assert text == whole[: whole.index(stop)]


def test_an_answer_may_end_by_itself(client):
    reply = chat(client, temperature=2, seed=1, max_tokens=4000)
    assert reply.choices[0].finish_reason == "stop"
    assert 0 < reply.usage.completion_tokens < 4000


def test_a_seed_gives_the_same_answer_again_and_another_seed_another(client):
    def answer(**options):
        return chat(client, temperature=1, **options).choices[0].message.content

    assert answer(seed=7) == answer(seed=7)
    assert len({answer(seed=seed) for seed in range(4)}) == 4
    assert len({answer() for _ in range(4)}) == 4


def test_several_turns_go_through_the_chat_template(client, loaded):
    turns = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "Hello"}]},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "Bye"},
    ]
    reply = chat(client, messages=turns)
    written = "system: Be kind.\nuser: Hello\nassistant: Hi\nuser: Bye\nassistant:"
    wanted = loaded.generate(written, raw=True, max_new_tokens=24)
    assert reply.choices[0].message.content == wanted
    assert reply.usage.prompt_tokens == len(written)


def test_a_text_is_gone_on_with_as_it_stands(client, loaded):
    wanted = loaded.generate("Once upon", raw=True, max_new_tokens=16)
    reply = client.completions.create(model="tiny", prompt="Once upon")
    assert reply.object == "text_completion"
    assert reply.choices[0].text == wanted
    assert reply.usage.prompt_tokens == len("Once upon")
    pieces = client.completions.create(model="tiny", prompt="Once upon", stream=True)
    assert "".join(piece.choices[0].text for piece in pieces) == wanted


def test_the_base_and_each_adapter_are_models_of_their_own(client, loaded):
    assert [model.id for model in client.models.list()] == ["tiny", "tone", "intents"]
    assert client.models.retrieve("tone").owned_by == "labkit"
    found = {}
    for name in ("tiny", "tone", "intents", "tone", "tiny"):
        view = loaded.using(None if name == "tiny" else name)
        found[name] = chat(client, model=name).choices[0].message.content
        assert found[name] == view.generate("Hello", max_new_tokens=24)
    assert len(set(found.values())) == 3


def test_one_turn_fills_the_template_that_an_adapter_was_trained_on(client):
    reply = chat(client, model="intents")
    assert reply.usage.prompt_tokens == len("text: Hello\nintent:")


def test_sixteen_clients_at_once_each_get_the_answer_of_a_client_alone(client):
    models = ("tiny", "tone", "intents")
    asked = [
        {"text": "x" * (3 * i), "model": models[i % 3], "temperature": i % 2, "seed": i}
        for i in range(16)
    ]

    def answer(options, **more):
        return chat(client, **options, max_tokens=40 + options["seed"], **more)

    alone = [answer(options).choices[0].message.content for options in asked]

    def streamed(options):
        chunks = answer(options, stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

    with ThreadPoolExecutor(16) as pool:
        assert [*pool.map(streamed, asked)] == alone
    assert len(set(alone)) == 16


@pytest.mark.parametrize(
    ("options", "error", "param"),
    [
        ({"model": "gpt-5"}, "NotFoundError", "model"),
        ({"n": 2}, "BadRequestError", "n"),
        ({"temperature": "hot"}, "BadRequestError", "temperature"),
        ({"messages": []}, "BadRequestError", "messages"),
        ({"logprobs": True}, "BadRequestError", "logprobs"),
        ({"messages": [{"role": "user", "content": "x" * 5000}]}, "BadRequestError", None),
    ],
)
def test_a_wrong_request_is_refused_as_openai_refuses_it(client, options, error, param):
    for stream in (False, True):
        with pytest.raises(getattr(openai, error)) as caught:
            chat(client, stream=stream, **options)
        assert caught.value.param == param
        assert caught.value.type == "invalid_request_error"


def test_an_unknown_model_is_answered_with_those_there_are(client):
    with pytest.raises(
        openai.NotFoundError, match=r"no model 'ton' here\. Did you mean 'tone'"
    ) as caught:
        chat(client, model="ton")
    assert "tiny, tone and intents" in str(caught.value)
    assert caught.value.code == "model_not_found"


def post(server, body, **headers):
    """Send a body as it stands; return status, headers and the reply."""
    given = {"Content-Type": "application/json"} | {
        k.replace("_", "-"): v for k, v in headers.items()
    }
    request = urllib.request.Request(f"{server.url}/v1/chat/completions", body, given)
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, reply.headers, json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, json.load(error)


BODY = json.dumps({"model": "tiny", "messages": HELLO, "max_tokens": 4}).encode()


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (BODY, {}, 200),
        (b"{", {}, 400),
        (b"[]", {}, 400),
        (BODY, {"Content_Type": "text/plain"}, 415),
        (b" " * 2**21, {}, 413),
        (BODY, {"Host": "evil.example"}, 403),
        (BODY, {"Host": "127.0.0.1.evil.example:80"}, 403),
        (BODY, {"Host": "localhost:5"}, 200),
        (BODY, {"Host": "[::1]:5"}, 200),
    ],
)
def test_what_a_page_of_another_site_could_send_is_refused(server, body, headers, status):
    found, reply_headers, reply = post(server, body, **headers)
    assert found == status
    assert (status == 200) == ("choices" in reply)
    assert status == 200 or reply["error"]["message"]
    assert not [name for name in reply_headers if name.lower().startswith("access-control")]


def test_other_paths_and_methods_are_refused_in_the_same_form(server):
    for path, status in (("/v1/nothing", 404), ("/v1/chat/completions", 405)):
        with pytest.raises(urllib.error.HTTPError) as caught:
            server.get(path)
        with caught.value as error:
            assert error.code == status
            assert "/v1/chat/completions" in json.load(error)["error"]["message"]


def test_without_the_key_nothing_but_health_is_told(narrow):
    for key in ("none", "secre", "secret2"):
        with narrow.client(api_key=key) as client, pytest.raises(openai.AuthenticationError):
            client.models.list()
    with narrow.client(api_key="secret") as client:
        assert len(client.models.list().data) == 3
    assert narrow.get("/health") == {"status": "ok", "active": 0, "waiting": 0}
    assert "secret" not in narrow.welcome
    assert '-H "Authorization: Bearer $LABKIT_API_KEY"' in narrow.welcome


def until(holds, seconds=10):
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_full_queue_is_told_at_once_and_who_hangs_up_makes_room(narrow):
    with narrow.client(api_key="secret") as client:
        first = client.chat.completions.create(**LONG, stream=True)
        next(first)
        second = client.chat.completions.create(**LONG, stream=True)
        with pytest.raises(openai.RateLimitError) as caught:
            chat(client)
        assert caught.value.response.headers["retry-after"] == "1"
        assert caught.value.code == "queue_full"
        first.close()
        second.close()
        until(lambda: narrow.get("/health")["active"] == 0, 5)
        assert len(chat(client).choices) == 1


def test_a_client_that_hangs_up_before_its_whole_answer_frees_its_place(narrow):
    with narrow.client(api_key="secret", timeout=0.3) as client:
        with pytest.raises(openai.APITimeoutError):
            client.chat.completions.create(**LONG)
        until(lambda: narrow.get("/health")["active"] == 0, 5)


def test_asked_to_stop_it_ends_what_runs_takes_nothing_new_and_exits_with_0(
    exported, without_torch
):
    with started(exported, without_torch) as server, server.client() as client:
        wanted = chat(client, max_tokens=500).choices[0].message.content
        stream = chat(client, max_tokens=500, stream=True)
        next(stream)
        server.process.send_signal(signal.SIGTERM)
        until(server.is_stopping)
        with pytest.raises((openai.InternalServerError, openai.APIConnectionError)):
            chat(client, max_tokens=1)
        texts = [chunk.choices[0].delta.content or "" for chunk in stream]
        assert "".join(texts) == wanted
        assert server.process.wait(20) == 0
        said = "Stopping: 1 answer goes on for 10 s at most; Ctrl+C cuts them.\n"
        assert server.process.stdout.read() == said
        assert server.process.stderr.read() == ""
        socket.create_server(("127.0.0.1", int(server.url.rpartition(":")[2]))).close()


def test_what_runs_beyond_the_grace_is_cut_with_an_error(exported, without_torch):
    with started(exported, without_torch, "--grace", "0.2") as server, server.client() as client:
        stream = client.chat.completions.create(**LONG, stream=True)
        next(stream)
        whole = ThreadPoolExecutor(1).submit(client.chat.completions.create, **LONG)
        until(lambda: server.get("/health")["active"] == 2)
        server.process.send_signal(signal.SIGINT)
        with pytest.raises(openai.APIError, match="The server is stopping"):
            list(stream)
        assert isinstance(whole.exception(), openai.InternalServerError)
        assert whole.exception().status_code == 503
        assert server.process.stdout.read().startswith("Stopping: 2 answers go on for 0.2 s")
        assert server.process.wait(20) == 0
        assert server.process.stderr.read() == ""


def refusal(capsys, *flags):
    """Start a server that cannot start; return what it says."""
    with pytest.raises(SystemExit) as caught:
        main(["serve", *map(str, flags)])
    assert caught.value.code == 1
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_a_port_in_use_is_a_sentence(server, exported, capsys):
    port = server.url.rpartition(":")[2]
    said = refusal(capsys, exported, "--port", port)
    assert f"The port {port} of 127.0.0.1 is in use.\n  The next free one: --port " in said


def test_others_may_reach_it_with_a_key_only(exported, capsys, monkeypatch):
    monkeypatch.delenv("LABKIT_API_KEY", raising=False)
    said = refusal(capsys, exported, "--host", "0.0.0.0")
    assert "must have an api_key; host is '0.0.0.0'" in said


def test_a_missing_package_is_a_sentence_with_what_installs_it(exported, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "labkit.serve.server", raising=False)
    said = refusal(capsys, exported)
    assert "uvicorn is not installed.\n  Run %pip install 'labkit[serve]'" in said


def test_a_model_that_writes_no_text_is_not_served(exported, tmp_path, capsys):
    folder = tmp_path / "classifier"
    shutil.copytree(exported, folder)
    write_section(folder, "model", {"kind": "classifier", "labels": ["a", "b"]})
    assert "writes no text" in refusal(capsys, folder, "--port", 0)


def test_a_server_that_is_ready_says_how_to_ask_it(server):
    assert server.welcome.startswith(f"labkit serves tiny, tone and intents at {server.url}/v1")
    assert f"curl {server.url}/v1/chat/completions" in server.welcome
