"""Where a server listens: whose address that is, and its port, taken before anything is loaded."""

import errno
import ipaddress
import os
import socket
from contextlib import suppress

from ..errors import SpecError

TRIES = 100
"""Ports that are tried after one that is in use."""


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own, which no other machine can reach."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def url_of(host: str, listener: socket.socket) -> str:
    """Return the address of a server, without a path."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that holds the port; nobody is listened to yet.

    Raises:
        SpecError: The port is in use or may not be opened, or the host is not of this machine.
    """
    try:
        return _bound(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SpecError(
                f"The port {port} of {host} is in use.", hint=_offer(host, port)
            ) from error
        raise SpecError(
            f"The port {port} of {host} cannot be opened: {(error.strerror or 'refused').lower()}.",
            hint="Take an address of this machine, and a port from 1024 to 65535.",
        ) from error


def _offer(host: str, port: int) -> str:
    for free in range(port + 1, min(port + TRIES, 2**16)):
        with suppress(OSError):
            _bound(host, free).close()
            return f"The next free one: --port {free}."
    return "Take any that is free: --port 0."


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    made = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # a port given up a moment ago may be taken again
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made
