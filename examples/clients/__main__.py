"""Generate the clients into var/clients, type-check them and run each programme against a served instance."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
WORK = ROOT / "var" / "clients"
DESCRIPTION = ROOT / "openapi.yaml"
BIN = WORK / "venv" / "bin"
TYPESCRIPT = WORK / "typescript"


def run(*command: str | Path, cwd: Path = WORK, quiet: bool = True) -> None:
    """Run a command, and end with its output if it fails."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=quiet, text=True, check=False)
    if done.returncode:
        sys.exit(f"{command[0]} failed\n{done.stdout or ''}{done.stderr or ''}")


def install() -> None:
    """Install the generators, Python's into a venv and TypeScript's into a npm project."""
    WORK.mkdir(parents=True, exist_ok=True)
    if not (BIN / "openapi-python-client").exists():
        run(sys.executable, "-m", "venv", WORK / "venv")
        run(BIN / "pip", "install", "--quiet", "--requirement", HERE / "requirements.txt")
    TYPESCRIPT.mkdir(exist_ok=True)
    for path in (HERE / "programmes" / "typescript").iterdir():
        shutil.copy(path, TYPESCRIPT)
    if not (TYPESCRIPT / "node_modules" / ".bin" / "tsc").exists():
        run("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", cwd=TYPESCRIPT)


def generate() -> None:
    """Generate one client with each generator."""
    os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    output = ("--output-path", WORK / "scheduler_client", "--overwrite", "--meta", "none")
    run(BIN / "openapi-python-client", "generate", "--path", DESCRIPTION, "--fail-on-warning", *output)
    models = ("--output-model-type", "pydantic_v2.BaseModel", "--output", WORK / "scheduler_models.py")
    typed = (
        "--input-file-type",
        "openapi",
        "--target-python-version",
        "3.11",
        "--use-annotated",
        "--set-default-enum-member",
    )
    run(BIN / "datamodel-codegen", "--input", DESCRIPTION, *typed, *models)
    generator = TYPESCRIPT / "node_modules" / ".bin" / "openapi-ts"
    run(generator, "-i", DESCRIPTION, "-o", "client", "-c", "@hey-api/client-fetch", cwd=TYPESCRIPT)


def check_types() -> None:
    """Check the generated clients and the programmes strictly."""
    for path in (HERE / "programmes").glob("*.py"):
        shutil.copy(path, WORK)
    run(BIN / "mypy", "--config-file", HERE / "mypy.ini", *WORK.glob("with_*.py"))
    run(TYPESCRIPT / "node_modules" / ".bin" / "tsc", cwd=TYPESCRIPT)


@contextmanager
def served() -> Iterator[tuple[str, str]]:
    """Serve an instance on a database of its own; yield its address and the key of a programme."""
    database = WORK / "scheduler.db"
    for path in WORK.glob("scheduler.db*"):
        path.unlink()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "SCHEDULER_DATABASE_URL": f"sqlite:///{database}",
        "SCHEDULER_SECRET_KEY": "a key of the clients alone, long",
        "SCHEDULER_PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    environment = os.environ | settings
    scheduler = Path(sys.executable).parent / "scheduler"
    subprocess.run([scheduler, "migrate"], env=environment, check=True, capture_output=True)
    created = subprocess.run(
        [scheduler, "programmes", "create", "Clients"], env=environment, check=True, capture_output=True, text=True
    )
    key = re.search(r"mk_\S+", created.stdout)
    if key is None:
        sys.exit(f"no key in {created.stdout!r}")
    with (WORK / "service.log").open("w") as log:
        service = subprocess.Popen([scheduler, "serve", "--port", str(port)], env=environment, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/readyz")
            yield f"http://127.0.0.1:{port}", key[0]
        finally:
            service.terminate()
            service.wait(30)


def wait_for(url: str) -> None:
    """Wait until the service is ready, at most 30 seconds."""
    for _ in range(150):
        try:
            with urllib.request.urlopen(url):
                return
        except OSError:
            time.sleep(0.2)
    sys.exit(f"nothing answers at {url}; see {WORK / 'service.log'}")


def main() -> None:
    """Run every programme."""
    install()
    generate()
    check_types()
    today = date.today()  # noqa: DTZ011  # any day of next week will do
    first = today + timedelta(days=7 - today.weekday())
    with served() as (url, key):
        arguments = (url, key, first.isoformat(), (first + timedelta(weeks=6)).isoformat())
        for programme in sorted(WORK.glob("with_*.py")):
            print(f"{programme.stem}:", flush=True)
            run(BIN / "python", programme, *arguments, quiet=False)
        print("typescript:", flush=True)
        run("node", "built/programme.js", *arguments, cwd=TYPESCRIPT, quiet=False)


if __name__ == "__main__":
    main()
