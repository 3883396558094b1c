"""What the Dockerfile, compose.yaml and the proxy's configuration name is there, and they agree with each other.

The image is linted here and not built: there is no Docker where the suite runs.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from scheduler.cli import COMMANDS
from scheduler.config import Settings

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
CADDYFILE = (ROOT / "deploy" / "Caddyfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "mentorship-scheduler"}
READ_FROM_THE_TABLE = {"scheduler_oldest_due_delivery_seconds", "scheduler_database_up"}
"""The metrics that need a database to be there."""
WEB = {name: service for name, service in OURS.items() if service["command"][0] == "granian"}


def test_the_topology_is_two_web_processes_two_workers_and_what_they_need() -> None:
    assert len(WEB) == 2
    assert SERVICES["worker"]["deploy"]["replicas"] == 2
    assert SERVICES.keys() == {*WEB, "migrate", "worker", "proxy", "postgres", "valkey", "radicale"}


@pytest.mark.parametrize("name", sorted(OURS.keys() - WEB.keys()))
def test_a_part_s_command_is_one_of_ours(name: str) -> None:
    program, command = OURS[name]["command"]

    assert program == "scheduler"
    assert command in COMMANDS


@pytest.mark.parametrize("name", WEB)
def test_a_web_process_serves_a_factory_that_is_there(name: str) -> None:
    module, _, function = WEB[name]["command"][-1].partition(":")

    assert "--factory" in WEB[name]["command"]
    assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize("name", OURS)
def test_every_setting_is_one_that_the_service_reads(name: str) -> None:
    known = {f"SCHEDULER_{field.upper()}" for field in Settings.model_fields}
    named = {key for key in OURS[name]["environment"] if key.startswith("SCHEDULER_")}

    assert named
    assert named <= known
    assert set(re.findall(r"\bSCHEDULER_[A-Z_]+(?==)", DOCKERFILE)) <= known


@pytest.mark.parametrize("name", SERVICES)
def test_a_part_can_write_nothing_but_what_it_is_given_and_has_no_rights(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
    assert "no-new-privileges:true" in service["security_opt"]


def test_nothing_but_the_proxy_is_published() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - {"proxy", "migrate"}))
def test_what_goes_on_running_has_a_health_check(name: str) -> None:
    assert "healthcheck" in SERVICES[name] or (name in OURS and "HEALTHCHECK" in DOCKERFILE)


def test_what_a_part_waits_for_can_come_to_be() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            ends = other == "migrate"
            assert how["condition"] == ("service_completed_successfully" if ends else "service_healthy"), name
            assert other in SERVICES


def test_a_part_shares_a_network_with_whatever_it_reaches() -> None:
    reached = {
        "proxy": [*WEB, "radicale"],
        "migrate": ["postgres"],
        **{name: ["postgres", "valkey", "radicale"] for name in (*WEB, "worker")},
    }
    for name, others in reached.items():
        for other in others:
            assert set(SERVICES[name]["networks"]) & set(SERVICES[other]["networks"]), f"{name} -> {other}"


def test_secrets_have_no_defaults() -> None:
    text = (ROOT / "compose.yaml").read_text()
    for name in ("SCHEDULER_SECRET_KEY", "POSTGRES_PASSWORD"):
        assert set(re.findall(rf"\$\{{{name}(.)", text)) == {":"}, name
        assert f"${{{name}:?" in text
        assert f"${{{name}:-" not in text


def test_the_ports_are_the_same_everywhere() -> None:
    port = re.search(r"SCHEDULER_PORT=(\d+)", DOCKERFILE)
    assert port is not None
    assert f"EXPOSE {port[1]}" in DOCKERFILE
    assert f":{port[1]}/readyz" in DOCKERFILE
    for service in WEB.values():
        assert service["environment"]["GRANIAN_PORT"] == port[1]
    assert SERVICES["proxy"]["environment"]["WEB"] == " ".join(f"{name}:{port[1]}" for name in WEB)
    metrics = SERVICES["worker"]["environment"]["SCHEDULER_METRICS_PORT"]
    assert f":{metrics}/" in " ".join(SERVICES["worker"]["healthcheck"]["test"])


def test_the_calendar_server_s_network_is_the_one_that_is_allowed() -> None:
    (subnet,) = COMPOSE["networks"]["calendars"]["ipam"]["config"]

    assert {part["environment"]["SCHEDULER_ALLOWED_NETWORKS"] for part in OURS.values()} == {subnet["subnet"]}


def test_the_files_that_are_mounted_or_copied_are_there() -> None:
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


def test_what_is_copied_into_the_image_is_not_ignored() -> None:
    taken = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    for names in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        assert set(names.split()[:-1]) <= taken


def test_the_proxy_is_given_every_name_that_its_configuration_asks_for() -> None:
    assert set(re.findall(r"\{\$(\w+)\}", CADDYFILE)) <= SERVICES["proxy"]["environment"].keys()


def test_the_guide_for_operators_names_only_what_is_there() -> None:
    guide = (ROOT / "docs" / "how-to" / "operate.md").read_text()
    import_module("scheduler.web.http.metrics")  # which registers them
    families = [family.name for family in REGISTRY.collect()]
    exported = {f"{name}{end}" for name in families for end in ("", "_total", "_info", "_bucket")} | READ_FROM_THE_TABLE
    settings = {f"SCHEDULER_{field.upper()}" for field in Settings.model_fields} | {"SCHEDULER_DOMAIN"}

    metrics = set(re.findall(r"\bscheduler_[a-z_]+\b", guide))
    assert metrics
    assert metrics <= exported, metrics - exported
    assert set(re.findall(r"\bSCHEDULER_[A-Z_]+\b", guide)) <= settings
    assert set(re.findall(r"(?<=`)scheduler ([a-z]+)", guide)) <= COMMANDS.keys()
