"""What the Dockerfile, compose.yaml and the proxy's configuration name is there, and they agree with each other.

The image is linted here and not built: there is no Docker where the suite runs.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY
from support.servers import free_port
from support.service import wait_for

from scheduler.cli import main
from scheduler.config.environment import find_ignored, load_settings
from scheduler.config.settings import SECRET_SETTINGS, Settings

ROOT = Path(__file__).parents[1]
DOCKERFILE = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
CADDYFILE = (ROOT / "deploy" / "Caddyfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "mentorship-scheduler"}
READ_FROM_THE_TABLE = {"scheduler_oldest_due_seconds", "scheduler_database_up"}
"""The metrics that need a database to be there."""
WEB = {name: service for name, service in OURS.items() if service["command"][0] == "granian"}


def test_compose_runs_two_web_processes_two_workers_and_their_servers() -> None:
    assert len(WEB) == 2
    assert SERVICES["worker"]["deploy"]["replicas"] == 2
    assert SERVICES.keys() == {*WEB, "migrate", "worker", "proxy", "postgres", "valkey", "radicale"}


@pytest.mark.parametrize("name", sorted(OURS.keys() - WEB.keys()))
def test_service_command_exists(name: str) -> None:
    program, command = OURS[name]["command"]

    assert program == "scheduler"
    assert command in main.commands


@pytest.mark.parametrize("name", WEB)
def test_web_process_serves_an_existing_factory(name: str) -> None:
    module, _, function = WEB[name]["command"][-1].partition(":")

    assert "--factory" in WEB[name]["command"]
    assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize("name", OURS)
def test_compose_sets_only_existing_settings(name: str) -> None:
    known = {f"SCHEDULER_{field.upper()}" for field in Settings.model_fields}
    known |= {f"SCHEDULER_{field.upper()}_FILE" for field in SECRET_SETTINGS}
    named = {key for key in OURS[name]["environment"] if key.startswith("SCHEDULER_")}

    assert named
    assert named <= known
    assert set(re.findall(r"\bSCHEDULER_[A-Z_]+(?==)", DOCKERFILE)) <= known


@pytest.mark.parametrize("name", SERVICES)
def test_container_is_read_only_without_privileges(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
    assert "no-new-privileges:true" in service["security_opt"]


def test_only_the_proxy_publishes_ports() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - {"proxy", "migrate"}))
def test_running_service_has_a_health_check(name: str) -> None:
    assert "healthcheck" in SERVICES[name] or (name in OURS and "HEALTHCHECK" in DOCKERFILE)


def test_depends_on_names_reachable_conditions() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            ends = other == "migrate"
            assert how["condition"] == ("service_completed_successfully" if ends else "service_healthy"), name
            assert other in SERVICES


def test_service_shares_a_network_with_its_servers() -> None:
    reached = {
        "proxy": [*WEB, "radicale"],
        "migrate": ["postgres"],
        **{name: ["postgres", "valkey", "radicale"] for name in (*WEB, "worker")},
    }
    for name, others in reached.items():
        for other in others:
            assert set(SERVICES[name]["networks"]) & set(SERVICES[other]["networks"]), f"{name} -> {other}"


def test_compose_reads_secrets_from_files() -> None:
    for name, service in SERVICES.items():
        environment = service.get("environment", {})
        mounted = {f"/run/secrets/{secret}" for secret in service.get("secrets", [])}
        assert {value for key, value in environment.items() if key.endswith("_FILE")} <= mounted, name
        assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys(), name
    for service in OURS.values():
        assert not {f"SCHEDULER_{name.upper()}" for name in SECRET_SETTINGS} & service["environment"].keys() - {
            "SCHEDULER_RATE_LIMIT_STORAGE"  # Valkey is in a network of its own and has no password
        }
    assert "PASSWORD}" not in (ROOT / "compose.yaml").read_text()
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())


@pytest.mark.parametrize("name", OURS)
def test_compose_settings_are_valid(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("k" * 64 + "\n")
    (tmp_path / "old_secret_keys").write_text("")
    (tmp_path / "database_url").write_text("postgresql://scheduler:1f@postgres/scheduler\n")
    environment = {
        key: re.sub(r"\$\{CALENDAR_SUBNET:-(.+?)\}", r"\1", value)
        .replace("/run/secrets", str(tmp_path))
        .replace("${SCHEDULER_DOMAIN:?give the name under which clients reach the service}", "scheduler.example.org")
        for key, value in OURS[name]["environment"].items()
    }
    settings = load_settings(environment)
    assert settings.database_url == "postgresql://scheduler:1f@postgres/scheduler"
    assert settings.public_url == "https://scheduler.example.org"
    assert find_ignored(environment) == []
    settings.require_own_secret_key()


def test_ports_agree_between_dockerfile_and_compose() -> None:
    port = re.search(r"SCHEDULER_PORT=(\d+)", DOCKERFILE)
    assert port is not None
    assert f"EXPOSE {port[1]}" in DOCKERFILE
    for service in WEB.values():
        assert service["environment"]["GRANIAN_PORT"] == port[1]
    assert SERVICES["proxy"]["environment"]["WEB"] == " ".join(f"{name}:{port[1]}" for name in WEB)
    assert SERVICES["worker"]["environment"]["SCHEDULER_METRICS_PORT"]
    assert SERVICES["worker"]["healthcheck"]["test"][-1] == "SCHEDULER_METRICS_PORT"


def test_calendar_network_is_allowed() -> None:
    (subnet,) = COMPOSE["networks"]["calendars"]["ipam"]["config"]

    assert {part["environment"]["SCHEDULER_ALLOWED_NETWORKS"] for part in OURS.values()} == {subnet["subnet"]}


def test_mounted_and_copied_files_exist() -> None:
    mounted = [
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    ]
    copied = [
        name for names in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for name in names.split()[:-1]
    ]

    assert mounted
    assert copied
    for name in (*mounted, *copied):
        assert (ROOT / name).exists(), name


def test_copied_files_are_not_in_dockerignore() -> None:
    taken = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    for names in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        assert set(names.split()[:-1]) <= taken


def test_lock_files_name_no_index_and_a_hash_for_each_package() -> None:
    for name in ("requirements.lock", "requirements-demo.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert "://" not in text, name
        assert "--index" not in text, name
        packages = re.findall(r"^[a-z0-9].*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
        assert len(packages) > 50, name
        assert all("--hash=sha256:" in package for package in packages), name


def test_smaller_lock_files_are_parts_of_the_development_one() -> None:
    pinned = {
        name: set(re.findall(r"^[a-z0-9][^\s;]*==[^\s;]+", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-demo.lock", "requirements-dev.lock")
    }
    assert pinned["requirements.lock"] < pinned["requirements-dev.lock"]
    assert pinned["requirements-demo.lock"] < pinned["requirements-dev.lock"]
    assert not [
        package for package in pinned["requirements.lock"] if package.startswith(("pytest", "mypy", "radicale"))
    ]


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    container = Container(tmp_path)
    yield container
    container.stop()


def test_image_migrates_sqlite_and_its_health_check_follows_the_port(container: Container) -> None:
    assert container.is_unhealthy()
    for _ in range(2):  # the second time the database is there
        container.start()
        wait_for(lambda: not container.is_unhealthy(), seconds=90)
        assert (container.data / "scheduler.db").is_file()
        assert container.stop() == 0
    assert container.is_unhealthy()


class Container:
    """What the image runs, as processes: its command and its health check in the environment of its ENV lines."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.data.mkdir()
        (folder / "var").symlink_to(self.data)
        (folder / "key").write_text("k" * 40)
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("SCHEDULER_")} | {
            **dict(re.findall(r"\b(SCHEDULER_[A-Z_]+)=(\S+)", DOCKERFILE)),
            "SCHEDULER_SECRET_KEY_FILE": str(folder / "key"),
            "SCHEDULER_PUBLIC_URL": "https://scheduler.example.org",
            "SCHEDULER_HOST": "127.0.0.1",
            "SCHEDULER_PORT": str(free_port()),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command(r"^CMD (\[.+\])"), cwd=self.folder, env=self.environment)

    def stop(self) -> int | None:
        """Ends the process as Docker does, and returns its status."""
        if self._process is not None:
            self._process.terminate()
            return self._process.wait(30)
        return None

    def is_unhealthy(self) -> bool:
        command = self._command(r"^  CMD (\[.+\])")
        return bool(subprocess.run(command, env=self.environment, capture_output=True, timeout=60).returncode)

    def _command(self, pattern: str) -> list[str]:
        (found,) = re.findall(pattern, DOCKERFILE, re.MULTILINE)
        program, *arguments = json.loads(found)
        paths = [argument.replace("/opt/scheduler/", f"{ROOT}/deploy/") for argument in arguments]
        return [str(Path(sys.executable).with_name(program)), *paths]


def test_proxy_has_every_variable_of_its_configuration() -> None:
    assert set(re.findall(r"\{\$(\w+)\}", CADDYFILE)) <= SERVICES["proxy"]["environment"].keys()


def test_operators_guide_names_only_existing_things() -> None:
    guide = (ROOT / "docs" / "how-to" / "operate.md").read_text()
    import_module("scheduler.web.http.metrics")  # which registers them
    families = [family.name for family in REGISTRY.collect()]
    exported = {f"{name}{end}" for name in families for end in ("", "_total", "_info", "_bucket")} | READ_FROM_THE_TABLE
    settings = {f"SCHEDULER_{field.upper()}" for field in Settings.model_fields} | {"SCHEDULER_DOMAIN"}
    settings |= {f"SCHEDULER_{field.upper()}_FILE" for field in SECRET_SETTINGS}

    metrics = set(re.findall(r"\bscheduler_[a-z_]+\b", guide))
    assert metrics
    assert metrics <= exported, metrics - exported
    assert set(re.findall(r"\bSCHEDULER_[A-Z_]+\b", guide)) <= settings
    assert set(re.findall(r"(?<=`)scheduler ([a-z]+)", guide)) <= main.commands.keys()
