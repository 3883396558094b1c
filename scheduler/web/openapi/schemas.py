"""JSON Schemas of the documents: what is sent is closed, and what is only answered may gain members later.

A schema states a default only where leaving the field out means that value; null never stands for "left out".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from pydantic_core import core_schema

from scheduler.web.fields.document import Document

Schema = dict[str, Any]

_PREFIX = "#/components/schemas/"


class NameTaken(ValueError):
    """Documents whose schemas would have one name: one of them needs another."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"several documents would be described as {', '.join(names)}; rename all but one of each")


class Schemas:
    """The schemas of all documents that requests and answers consist of.

    A document of both, such as working hours, has two: a closed one for requests, ``WorkingHoursInput``, and an open
    one for answers, ``WorkingHours``.
    """

    def __init__(self, sent: Iterable[type[Document]], answered: Iterable[type[Document]]) -> None:
        requests, answers = _definitions(sent, "validation"), _definitions(answered, "serialization")
        opened = {name: _opened(schema) for name, schema in answers.items()}
        names = {name: f"{name}Input" for name in requests.keys() & opened.keys() if requests[name] != opened[name]}
        closed = {names.get(name, name): _renamed(schema, names) for name, schema in requests.items()}
        self.components = dict(sorted((opened | closed).items()))

    def reference(self, document: type[Document]) -> Schema:
        """The reference to a document."""
        return {"$ref": _PREFIX + document.__name__.removesuffix("Document")}

    def parameters(self, query: type[Document]) -> list[Schema]:
        """The query parameters that a document stands for."""
        whole = query.model_json_schema(schema_generator=_Generator)
        required = whole.get("required", [])
        rows = []
        for name, property_ in whole["properties"].items():
            referred = whole["$defs"][property_.pop("$ref").rpartition("/")[2]] if "$ref" in property_ else {}
            schema = _tidy(referred | property_)
            description = {"description": schema.pop("description")} if "description" in schema else {}
            rows.append({"name": name, "in": "query", "required": name in required} | description | {"schema": schema})
        return rows


class _Generator(GenerateJsonSchema):
    """Makes schemas without titles of fields and without defaults of null."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  # its interface
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Schema:
        made = super().default_schema(schema)
        if made.get("default", "") is None:
            del made["default"]
        return made


def _definitions(documents: Iterable[type[Document]], mode: JsonSchemaMode) -> dict[str, Schema]:
    """The schemas of documents and of all that they consist of, by name."""
    models = [(document, mode) for document in dict.fromkeys(documents)]
    _, found = models_json_schema(models, schema_generator=_Generator, ref_template=_PREFIX + "{model}")
    short = {name: name.removesuffix("Document") for name in found["$defs"]}
    if len(set(short.values())) < len(short):
        twice = sorted(name for name, count in Counter(short.values()).items() if count > 1)
        raise NameTaken(twice)
    return {short[name]: _tidy(_renamed(schema, short)) for name, schema in found["$defs"].items()}


def _opened(schema: Schema) -> Schema:
    """The schema without the rule that an object has no other members."""
    return {name: value for name, value in schema.items() if (name, value) != ("additionalProperties", False)}


def _tidy(schema: Schema) -> Schema:
    """A schema without its title."""
    return {name: part for name, part in schema.items() if name != "title"}


def _renamed(part: Any, names: Mapping[str, str]) -> Any:
    """A schema, or a part of one, whose references use other names for some schemas."""
    if isinstance(part, list):
        return [_renamed(one, names) for one in part]
    if isinstance(part, dict):
        return {name: _renamed(value, names) for name, value in part.items()}
    if isinstance(part, str) and part.startswith(_PREFIX):
        name = part.removeprefix(_PREFIX)
        return _PREFIX + names.get(name, name)
    return part
