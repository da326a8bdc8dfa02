"""Where a server listens."""

import socket

import pytest

from labkit.errors import SpecError
from labkit.serve.listening import bound, is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost", "LocalHost"])
def test_loopback_is_known(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "localhost.evil"])
def test_what_others_can_reach_is_known(host):
    assert not is_loopback(host)


def test_a_port_in_use_is_a_sentence_with_one_that_is_free():
    with bound("127.0.0.1", 0) as other:
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SpecError, match=f"The port {port} of 127.0.0.1 is in use.") as caught:
            bound("127.0.0.1", port)
        free = int(caught.value.hint.split("--port ")[1].rstrip("."))
        assert port < free < port + 100
        bound("127.0.0.1", free).close()


def test_a_host_that_is_not_of_this_machine_is_a_sentence():
    with pytest.raises(SpecError, match="cannot be opened"):
        bound("192.0.2.1", 0)


def test_a_port_is_free_again_at_once():
    with bound("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        first.listen()
        with socket.create_connection(("127.0.0.1", port)) as client:
            server_side, _ = first.accept()
            server_side.close()  # the side that closes first keeps the address for a while
            client.recv(1)
    bound("127.0.0.1", port).close()
