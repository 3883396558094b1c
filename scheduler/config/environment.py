"""Reading the settings from variables of the environment, and from the files that secrets may be in."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from scheduler.config.settings import SECRET_SETTINGS, Settings
from scheduler.errors import SchedulerError

_PREFIX = "SCHEDULER_"
_FILE = "_FILE"
_MOST_SHOWN = 200
"""Characters of a bad value that an error repeats."""
_LINK_NAME = re.compile(
    r"SCHEDULER_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_PROTO|_PORT|_ADDR)?)"
)
_LOGIN = re.compile(r"//[^/]*@")
_LINK_VALUE = re.compile(r"(tcp|udp|sctp)://.*")


class BadSettings(SchedulerError):
    """Settings that can't be used: a line for each, with the variable, its value unless secret, and what to write."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of the environment, with the defaults for those that are not set. Raises BadSettings."""
    given, _ = _own_variables(environment)
    values = {name: given[_variable(name)] for name in Settings.model_fields if _variable(name) in given}
    values |= dict(_read_files(given))
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = dict.fromkeys(_describe(row, values) for row in error.errors())
        raise BadSettings(list(problems)) from error


def find_ignored(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return a sentence for each variable that begins with SCHEDULER_ but sets nothing; one for all service links."""
    known = {_variable(name) for name in Settings.model_fields} | {_variable(name) + _FILE for name in SECRET_SETTINGS}
    given, links = _own_variables(environment)
    unknown = [variable for variable in given if variable not in known]
    warnings = [f"{variable} is not a setting and is ignored; {_suggest(variable, known)}" for variable in unknown]
    if links:
        warnings.append(
            f"{', '.join(sorted(links))}: ignored, because Kubernetes and Docker set such variables by themselves for "
            "a service named 'scheduler'; a port of your own is a number, such as SCHEDULER_PORT=8080"
        )
    return warnings


def _variable(name: str) -> str:
    return _PREFIX + name.upper()


def _own_variables(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the operator's variables that begin with SCHEDULER_, and the names of a platform's links to a service."""
    given, links = {}, []
    for variable, value in ((name.upper(), value) for name, value in environment.items()):
        if not variable.startswith(_PREFIX):
            continue
        if _LINK_NAME.fullmatch(variable) or (variable.endswith("_PORT") and _LINK_VALUE.fullmatch(value)):
            links.append(variable)
        else:
            given[variable] = value
    return given, links


def _read_files(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the secrets that are given as the path of a file, without the line ends after them. Raises BadSettings."""
    for name in SECRET_SETTINGS:
        variable = _variable(name) + _FILE
        if variable not in given:
            continue
        if _variable(name) in given:
            raise BadSettings([f"{_variable(name)} and {variable} are both set; unset one of them"])
        path = given[variable]
        try:
            yield name, Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            raise BadSettings(
                [f"{variable} is {path!r}, which can't be read ({reason}); give the path of a readable file"]
            ) from error


def _describe(row: ErrorDetails, values: Mapping[str, str]) -> str:
    """Return what is wrong with one setting, with its value if that is no secret, and what to write."""
    context = row.get("ctx", {})
    cause = context.get("error")
    if not row["loc"]:  # two settings that do not fit together
        return str(cause)
    name = str(row["loc"][0])
    accepts = Settings.model_fields[name].title or context.get("expected", "a text")
    remedy = str(cause) if isinstance(cause, ValueError) else f"give {accepts}"
    shown = _LOGIN.sub("//…@", values[name])[:_MOST_SHOWN]
    problem = "can't be used" if name in SECRET_SETTINGS else f"is {shown!r}"
    return f"{_variable(name)} {problem}; {remedy}"


def _suggest(variable: str, known: set[str]) -> str:
    if variable.removesuffix(_FILE) in known:
        return f"only secrets are read from files, so set {variable.removesuffix(_FILE)} itself"
    nearest = difflib.get_close_matches(variable, sorted(known), n=1, cutoff=0.8)
    return f"did you mean {nearest[0]}?" if nearest else "'scheduler config' lists all settings"
