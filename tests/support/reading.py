"""A reader of foreign calendars in the test's own process, for tests of something else."""

from __future__ import annotations

from scheduler.ical.reader import MOST_SECONDS, CalendarReader, Message, answer


class ReaderHere(CalendarReader):
    """Answers at once, and can't be ended."""

    def ask(self, question: str, message: Message, seconds: float = MOST_SECONDS) -> Message:
        return answer(question, message)
