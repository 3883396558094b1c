"""What an operator sets, in variables of the environment that begin with SCHEDULER_."""

from __future__ import annotations

from scheduler.config.environment import BadSettings, find_ignored, load_settings
from scheduler.config.settings import DEVELOPMENT_KEY, SECRET_SETTINGS, Environment, PublicSecretKey, Settings

__all__ = [
    "DEVELOPMENT_KEY",
    "SECRET_SETTINGS",
    "BadSettings",
    "Environment",
    "PublicSecretKey",
    "Settings",
    "find_ignored",
    "load_settings",
]
