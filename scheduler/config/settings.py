"""The settings, their defaults, and what each accepts. Knows nothing of the environment they are read from."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from scheduler.domain.programme.quotas import Quotas
from scheduler.errors import SchedulerError
from scheduler.store import database_name

DEVELOPMENT_KEY = "development-only-secret-key-0123456789"
"""Lets a fresh checkout run. It is public, so it protects nothing."""
SECRET_SETTINGS = ("database_url", "secret_key", "old_secret_keys", "rate_limit_storage")
"""The settings that may hold a password or key: never shown, and also read from files."""
_KEY_LENGTH = 32
_DEFAULT_QUOTAS = Quotas()
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_BARE_ADDRESS = re.compile(r"[A-Za-z0-9.-]+(:\d+)?(/[\w./-]*)?")


class Environment(StrEnum):
    """The purpose that the service runs for."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"


class PublicSecretKey(SchedulerError):
    """The built-in secret key would protect people's passwords, although everybody can read it in the source."""

    def __init__(self) -> None:
        super().__init__(
            "SCHEDULER_SECRET_KEY is not set, and the built-in key is public: set it to 32 random characters or more, "
            "or type 'export SCHEDULER_ENVIRONMENT=development' to try things out"
        )


class NoPublicUrl(SchedulerError):
    """Feeds' addresses would begin with whatever host a request names, although that host may be somebody else's."""

    def __init__(self) -> None:
        super().__init__(
            "SCHEDULER_PUBLIC_URL is not set, and feeds can't be named after the host that a request claims to be for: "
            "set it to the address that clients reach the service at, such as https://scheduler.example.org, or type "
            "'export SCHEDULER_ENVIRONMENT=development' to try things out"
        )


def _check_database_url(url: str) -> str:
    database_name(url)
    return url


def _check_secret_key(key: SecretStr) -> SecretStr:
    if len(key.get_secret_value()) < _KEY_LENGTH:
        raise ValueError(f"give {_KEY_LENGTH} characters or more")
    return key


def _split_keys(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return tuple(key for key in re.split(r"[,\r\n]+", value) if key)
    try:
        return tuple(json.loads(value))
    except ValueError as error:
        raise ValueError("give keys separated by commas, or a JSON list of texts") from error


def _split_networks(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(_parse_network(part.strip()) for part in value.split(",") if part.strip())


def _parse_network(text: str) -> IPv4Network | IPv6Network:
    """Return the network. Raises ValueError, with the network that an address with host bits lies in."""
    try:
        return ip_network(text)
    except ValueError as error:
        try:
            example = str(ip_network(text, strict=False))
        except ValueError:
            example = "10.1.0.0/16"
        raise ValueError(f"give networks separated by commas, such as {example}") from error


def _check_public_url(url: str) -> str:
    is_printable = url.isascii() and url.isprintable() and " " not in url
    parts = _split_url(url) if is_printable else None
    is_whole = parts is not None and parts.scheme in {"http", "https"} and bool(parts.hostname)
    is_bare = parts is not None and not (parts.username or parts.password or parts.query or parts.fragment)
    if url and not (is_whole and is_bare):
        example = f"https://{url}" if _BARE_ADDRESS.fullmatch(url) else "https://scheduler.example.org"
        raise ValueError(f"give a whole address without query, fragment or login, such as {example}")
    return url


def _check_storage(address: SecretStr) -> SecretStr:
    # A password may have any characters, and an address without a host is on this machine.
    parts = _split_url(address.get_secret_value())
    is_redis = parts is not None and parts.scheme in {"redis", "rediss"}
    if address.get_secret_value() != "memory://" and not is_redis:
        raise ValueError("give memory://, or an address such as redis://host:6379/0")
    return address


def _split_url(url: str) -> SplitResult | None:
    """Return the parts of a URL; None if it is not one, or its port is no port number."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError if it is not a port number
    except ValueError:
        return None
    return parts


def _check_host(host: str) -> str:
    if not _HOST_NAME.fullmatch(host):
        try:
            ip_address(host)
        except ValueError as error:
            raise ValueError("give an IP address or a host name without port, such as 0.0.0.0") from error
    return host


_SecretKey = Annotated[SecretStr, AfterValidator(_check_secret_key)]
_Host = Annotated[str, AfterValidator(_check_host)]


def _number(default: int, description: str, least: int = 0, most: int | None = None) -> Any:
    bounds = f", {least} or more" if most is None else f" from {least} to {most}"
    return Field(
        default,
        ge=least,
        le=most,
        description=description,
        title=f"a whole number{bounds}, such as {default}",
    )


def _quota(name: str, description: str) -> Any:
    return _number(getattr(_DEFAULT_QUOTAS, name), description)


class Settings(BaseModel):
    """The settings of one process. Built by itself it has the defaults; `load_settings` reads the environment.

    A field's title says what it accepts, for error texts; choices say it themselves.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    database_url: Annotated[str, AfterValidator(_check_database_url)] = Field(
        "sqlite:///var/scheduler.db", description="SQLAlchemy URL of the database"
    )
    secret_key: _SecretKey = Field(
        SecretStr(DEVELOPMENT_KEY),
        description="any text of 32 characters or more; the keys that encrypt calendar passwords are derived from it",
    )
    old_secret_keys: Annotated[tuple[_SecretKey, ...], BeforeValidator(_split_keys)] = Field(
        (),
        description="earlier secret keys, separated by commas or line ends, or a JSON list: they decrypt what is not "
        "yet encrypted under the present one",
        title="a list of texts",
    )
    environment: Environment = Field(
        Environment.PRODUCTION,
        description="development runs with the built-in secret key and without a public URL; production does not",
    )
    allowed_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(_split_networks)] = Field(
        (), description="private networks, comma-separated, that calendars may be in (127.0.0.0/8,10.1.0.0/16)"
    )
    public_url: Annotated[str, AfterValidator(_check_public_url)] = Field(
        "",
        description="address that clients reach the service at, which the addresses of feeds begin with; empty, in "
        "development only: the request's own",
    )
    host: _Host = Field("127.0.0.1", description="address that serve listens on")
    port: int = _number(8080, "port that serve listens on; 0 takes a free one", most=65535)
    threads: int = _number(8, "number of requests that serve answers at the same time", 1, 256)
    searches: int = _number(
        2, "number of large searches at the same time; with those that wait, at most 3/8 of the threads", 1, 256
    )
    searches_per_programme: int = _number(1, "number of large searches of one programme at the same time", 1, 256)
    worker_threads: int = _number(
        16, "number of deliveries that a worker makes at the same time; it reads a quarter as many calendars", 4, 256
    )
    calendar_refresh_minutes: int = _number(15, "minutes between two readings of a connected calendar", 1, 1440)
    calendar_stale_minutes: int = _number(
        180, "minutes without a successful reading after which a calendar counts as unknown", 1, 10080
    )
    log_format: Literal["json", "console"] = Field("json", description="json for machines, console for people")
    key_requests_per_minute: int = _number(600, "requests allowed with one API key; 0: any number")
    feed_requests_per_minute: int = _number(60, "requests allowed for one feed address; 0: any number")
    address_requests_per_minute: int = _number(
        120, "requests allowed from one address without a valid key or token; 0: any number"
    )
    rate_limit_storage: Annotated[SecretStr, AfterValidator(_check_storage)] = Field(
        SecretStr("memory://"),
        description="where requests are counted: memory:// (each process alone), or redis://host:port/0 (all together)",
    )
    metrics_host: _Host = Field("127.0.0.1", description="address that Prometheus reads the metrics of a process at")
    metrics_port: int = _number(0, "port of the metrics, one for each process on a machine; 0: none", most=65535)
    trusted_proxies: int = _number(0, "reverse proxies in front that each add the client to X-Forwarded-For", most=10)
    most_people: int = _quota("people", "people in a programme")
    most_blackouts_per_person: int = _quota("blackouts_per_person", "blackouts of a person")
    most_recurring_blackouts_per_person: int = _quota(
        "recurring_blackouts_per_person", "recurring blackouts of a person"
    )
    most_calendars_per_person: int = _quota("calendars_per_person", "connected calendars of a person")
    most_feeds_per_person: int = _quota("feeds_per_person", "feeds of a person")
    most_mentorships: int = _quota("mentorships", "mentorships in a programme")
    most_meetings_per_mentorship: int = _quota(
        "meetings_per_mentorship", "meetings of a mentorship; a series is one meeting"
    )
    most_keys: int = _quota("keys", "API keys of a programme")

    @property
    def quotas(self) -> Quotas:
        """The most that a programme may store of each kind of thing."""
        return Quotas(**{field.name: getattr(self, f"most_{field.name}") for field in fields(Quotas)})

    def require_own_secret_key(self) -> None:
        """Raise PublicSecretKey outside of development unless the operator has set a secret key."""
        is_public = self.secret_key.get_secret_value() == DEVELOPMENT_KEY
        if is_public and self.environment is not Environment.DEVELOPMENT:
            raise PublicSecretKey

    def require_public_url(self) -> None:
        """Raise NoPublicUrl outside of development unless the operator has set a public URL."""
        if not self.public_url and self.environment is not Environment.DEVELOPMENT:
            raise NoPublicUrl

    @model_validator(mode="after")
    def _check_staleness(self) -> Settings:
        if self.calendar_stale_minutes < self.calendar_refresh_minutes:
            raise ValueError(
                f"SCHEDULER_CALENDAR_STALE_MINUTES is {self.calendar_stale_minutes}, shorter than "
                f"SCHEDULER_CALENDAR_REFRESH_MINUTES ({self.calendar_refresh_minutes}), so that calendars would be "
                f"unknown between two readings; give {self.calendar_refresh_minutes} or more"
            )
        return self
