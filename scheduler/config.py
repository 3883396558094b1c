"""Settings from the environment, each prefixed SCHEDULER_; read by ``app``, ``cli`` and ``worker`` only."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from scheduler.errors import SchedulerError

DEVELOPMENT_KEY = "development-only-secret-key-0123456789"
"""Lets a fresh checkout run; whoever keeps other people's passwords sets their own."""


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

    @field_validator("allowed_networks", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
        return value

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 32:
            raise ValueError("give 32 characters or more")
        return value


def load_settings() -> Settings:
    """The settings as the environment has them. Raises BadSettings."""
    try:
        return Settings()
    except ValidationError as error:
        raise BadSettings(error) from error
