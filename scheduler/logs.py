"""Structured logs on stderr: one JSON object a line, or readable lines for people.

The logs of libraries are written in the same form. API keys, feed addresses and logins in URLs are removed from every
line. An error is logged as its traceback and type without its message, because a message may quote personal data.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import traceback
from typing import Any, TextIO

import structlog

_SECRETS = (
    (re.compile(r"(/|%2F)feeds(/|%2F)[^\s\"'<>]+", re.IGNORECASE), r"/feeds/(token)"),
    (re.compile(r"mk_[\w-]{8,}"), "mk_(key)"),
    (re.compile(r"\b(bearer|basic)\s+[^\s\"',]+", re.IGNORECASE), r"\1 (login)"),
    (re.compile(r"://[^\s/@\"']+@"), "://(login)@"),
)
_HARMLESS = re.compile(r"[A-Za-z0-9.:+-]*|/v1/[a-z]+|/feeds/<token>\.ics")
"""Ids, times and routes: most logged texts, which can't hold a secret and need no search."""
_QUIET = ("caldav", "urllib3", "httpx", "requests")
"""Libraries that would log addresses and event bodies."""


def configure_logs(log_format: str) -> None:
    """Set up the process's logs, so that no line carries secrets, tokens, titles or names.

    ``log_format`` is "json" or "console".
    """
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if log_format == "console"
        else structlog.processors.JSONRenderer(separators=(",", ":"))
    )
    lines = _Lines(sys.stderr)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(lambda exc_info: format_traceback(exc_info[1])),
            _redact_all,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_names: lines,
        cache_logger_on_first_use=False,
    )
    _take_over_standard_logs()


def redact(text: str) -> str:
    """Return the text without API keys, feed addresses and logins in URLs."""
    if _HARMLESS.fullmatch(text):
        return text
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def format_traceback(error: BaseException | None) -> str:
    """Return the traceback of an error and of its causes, with the types of error but without their messages."""
    parts = []
    while error is not None:
        frames = "".join(traceback.format_tb(error.__traceback__))
        parts.append(f"Traceback (most recent call last):\n{frames}{type(error).__module__}.{type(error).__qualname__}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\ncaused by\n\n".join(parts)


class RedactedRecord(logging.LogRecord):
    """A redacted record of the standard library's logs, which servers write their access logs with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.exc_info:
            self.exc_text = redact(format_traceback(self.exc_info[1]))

    def getMessage(self) -> str:  # noqa: N802  # the library's name
        """Return the message with its arguments, redacted."""
        return redact(super().getMessage())


class _Lines:
    """Writes lines to a line-buffered stream. A line that can't be written is lost: a full disk fails no request."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError):
            self._stream.write(f"{line}\n")  # as one text, so that lines of several threads don't mix

    debug = info = warning = error = critical = msg


class _ToStructlog(logging.Handler):
    """Passes the records of the standard library's logs on to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        more = {"exception": record.exc_text} if record.exc_text else {}
        structlog.get_logger().log(record.levelno, record.getMessage(), logger=record.name, **more)


def _take_over_standard_logs() -> None:
    logging.setLogRecordFactory(RedactedRecord)
    root = logging.getLogger()
    if not any(isinstance(handler, _ToStructlog) for handler in root.handlers):
        root.addHandler(_ToStructlog(logging.WARNING))
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _redact_all(_logger: object, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for name, value in line.items():
        if isinstance(value, str):
            line[name] = redact(value)
    return line
