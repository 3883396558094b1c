"""JSON Schemas of the documents: requests are closed, and what is answered may gain members later.

A schema states a default only where leaving the field out means that value; null never stands for "left out".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from pydantic_core import core_schema

from scheduler.web.fields.document import Document

Schema = dict[str, Any]

_PREFIX = "#/components/schemas/"


class Schemas:
    """The schemas of all documents that requests and answers consist of.

    Args:
        sent: the documents of requests.
        answered: the documents of answers. A document that is part of both has one schema if both are the same;
            otherwise the one of requests is named ``…Input``.

    """

    def __init__(self, sent: Iterable[type[Document]], answered: Iterable[type[Document]]) -> None:
        models: list[tuple[type[Document], JsonSchemaMode]] = [
            *((document, "validation") for document in dict.fromkeys(sent)),
            *((document, "serialization") for document in dict.fromkeys(answered)),
        ]
        self._references, found = models_json_schema(
            models, schema_generator=_Generator, ref_template=_PREFIX + "{model}"
        )
        definitions = {_short(name): _tidy(schema) for name, schema in found["$defs"].items()}
        self.components = dict(sorted(definitions.items()))

    def sent(self, document: type[Document]) -> Schema:
        """The reference to a document of a request."""
        return _tidy(self._references[document, "validation"])

    def answered(self, document: type[Document]) -> Schema:
        """The reference to a document of an answer."""
        return _tidy(self._references[document, "serialization"])

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
    """Makes schemas without titles of fields and without defaults of null. Objects of answers are open."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  # its interface
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Schema:
        made = super().default_schema(schema)
        if made.get("default", "") is None:
            del made["default"]
        return made

    def model_schema(self, schema: core_schema.ModelSchema) -> Schema:
        made = super().model_schema(schema)
        if self.mode == "serialization":
            made.pop("additionalProperties", None)
        return made


def _tidy(schema: Schema) -> Schema:
    """A schema without its title, with references by short names."""
    return {name: _with_short_names(part) for name, part in schema.items() if name != "title"}


def _with_short_names(part: Any) -> Any:
    """A part of a schema whose references name other schemas by their short names."""
    if isinstance(part, list):
        return [_with_short_names(one) for one in part]
    if isinstance(part, dict):
        return {name: _with_short_names(value) for name, value in part.items()}
    return _short(part) if isinstance(part, str) and part.startswith(_PREFIX) else part


def _short(name: str) -> str:
    """The name of a schema: pydantic's, without ``Document`` and without a sign for answers."""
    document, _, mode = name.partition("-")
    return document.removesuffix("Document") + ("Input" if mode == "Input" else "")
