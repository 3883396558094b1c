"""JSON Schemas of the documents: requests are closed, and what is answered may gain members later.

A schema states a default only where leaving the field out means that value; null never stands for "left out".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic.json_schema import models_json_schema

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
        requests, answers = _definitions(sent, "validation"), _definitions(answered, "serialization")
        self._names = _names_in_requests(requests, answers)
        renamed = {self._names[name]: _with_names(schema, self._names) for name, schema in requests.items()}
        self.components = dict(sorted((answers | renamed).items()))

    def sent(self, document: type[Document]) -> Schema:
        """The reference to a document of a request."""
        return _reference(self._names[_name(document)])

    def answered(self, document: type[Document]) -> Schema:
        """The reference to a document of an answer."""
        return _reference(_name(document))

    def parameters(self, query: type[Document]) -> list[Schema]:
        """The query parameters that a document stands for."""
        whole = _tidy(query.model_json_schema(), closed=True)
        required = whole.get("required", [])
        rows = []
        for name, property_ in whole["properties"].items():
            referred = whole["$defs"][property_.pop("$ref").rpartition("/")[2]] if "$ref" in property_ else {}
            schema = referred | property_
            description = {"description": schema.pop("description")} if "description" in schema else {}
            rows.append({"name": name, "in": "query", "required": name in required} | description | {"schema": schema})
        return rows


def _definitions(
    documents: Iterable[type[Document]], mode: Literal["validation", "serialization"]
) -> dict[str, Schema]:
    """The schemas of documents and of all that they consist of, by name."""
    models = [(document, mode) for document in dict.fromkeys(documents)]
    _, found = models_json_schema(models, ref_template=_PREFIX + "{model}")
    definitions = found.get("$defs", {})
    short = {name: name.removesuffix("Document") for name in definitions}
    closed = mode == "validation"
    return {short[name]: _with_names(_tidy(schema, closed=closed), short) for name, schema in definitions.items()}


def _names_in_requests(requests: dict[str, Schema], answers: dict[str, Schema]) -> dict[str, str]:
    """The name of each schema of requests: its own, or with ``Input`` where answers have another of that name."""
    names = {name: name for name in requests}
    while True:
        differing = {
            name
            for name in requests.keys() & answers.keys()
            if names[name] == name and _with_names(requests[name], names) != answers[name]
        }
        if not differing:
            return names
        names |= {name: f"{name}Input" for name in differing}


def _tidy(part: Any, *, closed: bool) -> Any:
    """A schema without titles made of names, without defaults of null, and open unless it is to be closed.

    Its examples stay as they are.
    """
    if isinstance(part, list):
        return [_tidy(one, closed=closed) for one in part]
    if not isinstance(part, dict):
        return part
    return {
        name: value if name == "examples" else _tidy(value, closed=closed)
        for name, value in part.items()
        if not (
            (name == "title" and isinstance(value, str))
            or (name == "default" and value is None)
            or (name == "additionalProperties" and value is False and not closed)
        )
    }


def _with_names(part: Any, names: dict[str, str]) -> Any:
    """A schema whose references name other schemas by their new names."""
    if isinstance(part, list):
        return [_with_names(one, names) for one in part]
    if not isinstance(part, dict):
        return part
    return {
        name: _PREFIX + names.get(value.removeprefix(_PREFIX), value.removeprefix(_PREFIX))
        if name == "$ref"
        else _with_names(value, names)
        for name, value in part.items()
    }


def _name(document: type[Document]) -> str:
    return document.__name__.removesuffix("Document")


def _reference(name: str) -> Schema:
    return {"$ref": _PREFIX + name}
