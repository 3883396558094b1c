"""The deployed reverse proxy: Caddy from PyPI with deploy/Caddyfile, in front of the ports that a test gives."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.servers import free_port
from support.service import wait_for

PROGRAM = Path(sys.executable).with_name("caddy")
CADDYFILE = Path(__file__).parents[2] / "deploy" / "Caddyfile"


@dataclass(frozen=True)
class Proxy:
    """A running proxy and the file of its log."""

    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def proxy(folder: Path, upstreams: Sequence[int]) -> Iterator[Proxy]:
    """A proxy for web processes on these ports of loopback."""
    found = Proxy(free_port(), folder / "caddy.log")
    environment = {
        "PROXY_ADDRESS": found.url,
        "WEB": " ".join(f"127.0.0.1:{port}" for port in upstreams),
        "CALENDAR_ADDRESS": f"http://127.0.0.1:{free_port()}",
        "CALENDARS": f"127.0.0.1:{free_port()}",
        "HOME": str(folder),
    }
    command = [str(PROGRAM), "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"]
    with found.log.open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | environment, stdout=log, stderr=log)
    try:
        wait_for(lambda: _listens(found.port))
        yield found
    finally:
        process.terminate()
        process.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
