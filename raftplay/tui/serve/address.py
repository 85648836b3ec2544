"""Addresses of a server: what a person may write for one, which Host headers fit it, and who can reach it."""

import ipaddress
import socket
from dataclasses import dataclass

from raftplay.errors import UsageError

LOCAL = "127.0.0.1"

USUAL = 80
"""The port that browsers leave out."""


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port; port 0 is any that is free."""

    host: str
    port: int

    @property
    def is_local(self) -> bool:
        """Return whether only this machine can reach it."""
        return self.host == "localhost" or _is(self.host, "is_loopback")

    @property
    def is_everywhere(self) -> bool:
        """Return whether it stands for all addresses of this machine."""
        return _is(self.host, "is_unspecified")

    @property
    def text(self) -> str:
        """Return host and port as a URL has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Return the address of a page that others can open."""
        return f"http://{f'{socket.gethostname()}:{self.port}' if self.is_everywhere else self.text}/"

    def fits(self, header: str) -> bool:
        """Return whether a Host header names this address: no page of another name may read from it."""
        try:
            named = address_of(header)
        except UsageError:
            return False
        if not header or (named.port != self.port and (named.port, self.port) != (0, USUAL)):
            return False
        if self.is_everywhere:
            return named.is_local or _is_number(named.host) or named.host.lower() == socket.gethostname().lower()
        return named.host.lower() == self.host.lower() or (self.is_local and named.is_local)

    def audience(self, does: str = "look on") -> str:
        """Return a sentence: who can see what is served there, and do what `does` says."""
        if self.is_local:
            return "only this machine can open it"
        where = "any network of this machine" if self.is_everywhere else f"the network of {self.host}"
        return f"everyone on {where} who has this address can {does}; the connection is not encrypted"


def address_of(text: str) -> Address:
    """Return the address that HOST:PORT, [HOST]:PORT, HOST or PORT names. Raises `UsageError`."""
    host, colon, port = text.rpartition(":")
    if not colon or (text.startswith("[") and text.endswith("]")):
        host, port = ("", text) if text.isdecimal() else (text, "0")
    host = host.removeprefix("[").removesuffix("]") or LOCAL
    if not port.isdecimal() or not port.isascii() or len(port) > 5 or int(port) > 65535 or not host.isprintable():
        raise UsageError(f"{text!r} is no address to serve at; give HOST:PORT, or a port such as 8000")
    return Address(host, int(port))


def public_address(url: str) -> Address:
    """Return the address that a URL names, with 0 for the usual port. Raises `UsageError`."""
    scheme, _, rest = url.partition("://")
    host = rest.removesuffix("/")
    if scheme not in ("http", "https") or not host or set(host) & set("/?#@ "):
        raise UsageError(
            f"{url!r} is no address of a server; give one such as https://raft.example/, without a path"
        )
    named = address_of(host)
    return Address(named.host, 0 if named.port == {"http": 80, "https": 443}[scheme] else named.port)


def listening(address: Address) -> socket.socket:
    """Return a socket that listens at an address. Raises `UsageError`."""
    try:
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((address.host, address.port), family=family)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot serve at {address.text}: {reason}; give another host or port") from None


def _is_number(host: str) -> bool:
    return _is(host, "version")


def _is(host: str, what: str) -> bool:
    try:
        return bool(getattr(ipaddress.ip_address(host), what))
    except ValueError:
        return False
