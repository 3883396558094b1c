"""The base of all JSON documents, and how fields say that they may be left out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_T = TypeVar("_T")
_V = TypeVar("_V", bound="DataclassInstance")


def only(*names: str, **parts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return names of members, and parts of further ones, as ``model_dump_json(include=…)`` takes them."""
    return dict.fromkeys(names, True) | parts


class Document(BaseModel):
    """The base of every JSON object that is sent or answered. Members that it does not have are refused in requests."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)

    shown_to_writers: ClassVar[Mapping[str, Any]] = only("id")
    """The members of an answer that a key sees which may change the resource but not read it: ids, states and times."""

    @classmethod
    def of(cls, value: object, **given: Any) -> Self:
        """Return the document of a domain value, not validated again, from the attributes named as the members.

        ``given`` are the members that are not the value's attributes as they are.
        """
        taken = {name: getattr(value, name) for name in cls.model_fields if name not in given}
        return super().model_construct(**taken, **given)

    def to(self, kind: type[_V], **given: Any) -> _V:
        """Return the domain value of a dataclass from the members named as its fields.

        ``given`` are the fields that are not the document's members as they are.
        """
        shared = {field.name for field in fields(kind)} & type(self).model_fields.keys() - given.keys()
        return kind(**{name: getattr(self, name) for name in shared}, **given)


class OpenDocument(Document):
    """An object of answers that clients send back as it was. Members that the service does not know are ignored."""

    model_config = ConfigDict(extra="ignore")


def to_json(value: object) -> str:
    """Return the JSON of dicts, lists, UTC instants and documents."""
    return orjson.dumps(value, default=_dump, option=orjson.OPT_UTC_Z).decode()


def _dump(document: Document) -> Any:
    return document.model_dump(mode="json")


@dataclass(frozen=True)
class NotNull:
    """Refuses null in JSON for a field of type ``T | None``, where None stands for a field that was left out.

    The schema has no null either. ``remedy`` says what to write instead.
    """

    remedy: str = "leave it out to keep it"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of the type without None, which code may still pass."""
        nullable = handler(source)
        assert nullable["type"] == "nullable"  # the field's type is T | None
        refusing = core_schema.no_info_before_validator_function(self._refuse_null, nullable["schema"])
        return core_schema.json_or_python_schema(json_schema=refusing, python_schema=nullable)

    def _refuse_null(self, value: Any) -> Any:
        if value is None:
            raise ValueError(f"this can't be null; {self.remedy}")
        return value


Kept = Annotated[_T | None, NotNull()]
"""A field of a change: left out (None), it stays as it is; null is refused."""


def is_none(value: Any) -> bool:
    """Return whether a field is to be left out of JSON."""
    return value is None


Omissible = Annotated[_T | None, NotNull("leave it out"), Field(exclude_if=is_none)]
"""A field that is left out where there is no value (None), in requests and in answers; it is never null."""


def quoted(value: Any) -> str:
    """A value from JSON as error texts repeat it: at most 60 characters; of a list or an object only that it is one."""
    match value:
        case str():
            return repr(value[:60]) + ("…" if len(value) > 60 else "")
        case list():
            return "a list"
        case dict():
            return "an object"
        case None | bool() | int() | float():
            text = json.dumps(value)
            return text[:60] + ("…" if len(text) > 60 else "")
        case _:
            return "this"
