"""Settings from the environment, each prefixed SCHEDULER_; read by ``app``, ``cli`` and ``worker`` only."""

from __future__ import annotations

import json
from dataclasses import fields
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from scheduler.domain.programme.quotas import Quotas
from scheduler.errors import SchedulerError

DEVELOPMENT_KEY = "development-only-secret-key-0123456789"
"""Lets a fresh checkout run; whoever keeps other people's passwords sets their own."""
MOST = Quotas()


class Environment(StrEnum):
    """What the service is run for."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class PublicSecretKey(SchedulerError):
    """The key that everybody can read in the source, where other people's passwords may be kept."""

    def __init__(self) -> None:
        super().__init__(
            "SCHEDULER_SECRET_KEY is not set, and the built-in key is public: set it to 32 random characters or more, "
            "or type 'export SCHEDULER_ENVIRONMENT=development' to try things out"
        )


class BadSettings(SchedulerError):
    """The environment holds a setting that can't be used; names the variable, never its value."""

    def __init__(self, error: ValidationError) -> None:
        lines = [f"SCHEDULER_{'_'.join(map(str, row['loc'])).upper()}: {row['msg']}" for row in error.errors()]
        super().__init__("\n".join(lines))


class Settings(BaseSettings):
    """What an operator can set."""

    model_config = SettingsConfigDict(env_prefix="SCHEDULER_", extra="ignore", hide_input_in_errors=True)

    database_url: str = Field("sqlite:///var/scheduler.db", description="SQLAlchemy URL of the database")
    secret_key: SecretStr = Field(
        SecretStr(DEVELOPMENT_KEY),
        description="any text of 32 characters or more; the keys that encrypt calendar passwords are derived from it",
    )
    old_secret_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        description="earlier secret keys, comma-separated or a JSON list: they decrypt what was not yet encrypted anew",
    )
    environment: Environment = Field(
        Environment.PRODUCTION, description="development: the built-in secret key is taken; production: it is refused"
    )
    allowed_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (), description="private networks, comma-separated, in which calendars may lie (127.0.0.0/8,10.1.0.0/16)"
    )
    public_url: str = Field("", description="address under which clients reach the service; empty: the request's own")
    host: str = Field("127.0.0.1", description="address that serve listens on")
    port: int = Field(8080, ge=0, le=65535, description="port that serve listens on; 0 takes a free one")
    threads: int = Field(8, ge=1, le=256, description="requests that serve answers at a time")
    calendar_refresh_minutes: int = Field(
        15, ge=1, le=1440, description="how often connected calendars are read for busy time"
    )
    calendar_stale_minutes: int = Field(
        180, ge=1, le=10080, description="after how long without a successful reading a calendar counts as unknown"
    )
    log_format: str = Field("json", pattern="^(json|console)$", description="json, or console for people")
    key_requests_per_minute: int = Field(600, ge=0, description="requests taken with one API key; 0: any number")
    feed_requests_per_minute: int = Field(60, ge=0, description="readings of one feed address; 0: any number")
    address_requests_per_minute: int = Field(
        120, ge=0, description="requests without a good key or token from one address; 0: any number"
    )
    rate_limit_storage: SecretStr = Field(
        SecretStr("memory://"),
        description="where requests are counted: memory:// (each process alone), or redis://host:port/0 (all together)",
    )
    metrics_host: str = Field("127.0.0.1", description="address that Prometheus reads the metrics of a process at")
    metrics_port: int = Field(
        0, ge=0, le=65535, description="port for that, one for each process on a machine; 0: none"
    )
    trusted_proxies: int = Field(
        0, ge=0, le=10, description="reverse proxies in front that each add the client to X-Forwarded-For"
    )
    most_people: int = Field(MOST.people, ge=0, description="people in a programme")
    most_blackouts_per_person: int = Field(MOST.blackouts_per_person, ge=0, description="blackouts of a person")
    most_recurring_blackouts_per_person: int = Field(
        MOST.recurring_blackouts_per_person, ge=0, description="blackouts of a person that come again"
    )
    most_calendars_per_person: int = Field(
        MOST.calendars_per_person, ge=0, description="connected calendars of a person"
    )
    most_feeds_per_person: int = Field(MOST.feeds_per_person, ge=0, description="feeds of a person")
    most_mentorships: int = Field(MOST.mentorships, ge=0, description="mentorships in a programme")
    most_meetings_per_mentorship: int = Field(
        MOST.meetings_per_mentorship, ge=0, description="meetings of a mentorship, a series being one"
    )
    most_keys: int = Field(MOST.keys, ge=0, description="API keys of a programme")

    @property
    def quotas(self) -> Quotas:
        """The most that there may be of each kind of thing."""
        return Quotas(**{field.name: getattr(self, f"most_{field.name}") for field in fields(Quotas)})

    def require_own_secret_key(self) -> None:
        """Raises PublicSecretKey outside of development, unless the secret key is the operator's own."""
        is_public = self.secret_key.get_secret_value() == DEVELOPMENT_KEY
        if is_public and self.environment is not Environment.DEVELOPMENT:
            raise PublicSecretKey

    @field_validator("old_secret_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return tuple(json.loads(value)) if value.lstrip().startswith("[") else tuple(filter(None, value.split(",")))
        except ValueError as error:
            raise ValueError("give keys with commas between them, or a JSON list of texts") from error

    @field_validator("rate_limit_storage")
    @classmethod
    def _known_storage(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() != "memory://" and not value.get_secret_value().startswith(
            ("redis://", "rediss://")
        ):
            raise ValueError("give memory://, or an address such as redis://host:6379/0")
        return value

    @field_validator("allowed_networks", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
        return value

    @field_validator("secret_key", "old_secret_keys")
    @classmethod
    def _long_enough(cls, value: Any) -> Any:
        for key in value if isinstance(value, tuple) else (value,):
            if len(key.get_secret_value()) < 32:
                raise ValueError("give 32 characters or more")
        return value


def load_settings() -> Settings:
    """The settings as the environment has them. Raises BadSettings."""
    try:
        return Settings()
    except ValidationError as error:
        raise BadSettings(error) from error
