"""The programme's API keys under /v1/keys. A secret is shown once; only its SHA-256 is stored."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from flask import Response, url_for
from pydantic import Field

from scheduler.domain.programme.api_keys import LONGEST_OVERLAP, ApiKey, Scope
from scheduler.errors import InvalidFields
from scheduler.services import programmes
from scheduler.web.documents import examples
from scheduler.web.fields.document import Document
from scheduler.web.fields.durations import Duration, lasting
from scheduler.web.fields.texts import Id, Name
from scheduler.web.fields.times import Instant, Timestamp
from scheduler.web.http.paging import PageDocument, PageQuery, answer_page, read_page_request, select_page
from scheduler.web.http.requests import answer, context, programme_id, read_body, read_optional_body
from scheduler.web.http.resources import Resource

api = Resource("keys", tag="keys", reads=Scope.ADMIN, writes=Scope.ADMIN)

LONGEST_OVERLAP_MINUTES = LONGEST_OVERLAP // timedelta(minutes=1)

Overlap = Annotated[
    Duration, lasting(0, LONGEST_OVERLAP_MINUTES), Field(description="how long the old one stays valid")
]


class NewApiKey(Document, json_schema_extra={"examples": [examples.NEW_API_KEY]}):
    """A key to create, with its scopes."""

    name: Name = Field(description="the person or program that uses the key")
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
    expires_at: Instant | None = Field(None, description="when it ends; null: never")


class ApiKeyRotation(Document, json_schema_extra={"examples": [examples.KEY_ROTATION]}):
    """Options for the replacement of a key."""

    overlap: Overlap = Field("PT1H", validate_default=True)


class ApiKeyDocument(Document):
    """A key, without its secret."""

    id: Id
    prefix: str = Field(description="the first characters of the key")
    name: str
    scopes: list[Scope]
    created_at: Timestamp
    expires_at: Timestamp | None
    last_used_at: Timestamp | None = Field(description="accurate to about a minute; null: never")

    @classmethod
    def from_domain(cls, key: ApiKey) -> ApiKeyDocument:
        """Return the document of a key."""
        return cls.of(key, scopes=sorted(key.scopes))


class ApiKeyPage(PageDocument):
    """The programme's active keys, the oldest first."""

    items: list[ApiKeyDocument]


class ApiKeyWithSecret(ApiKeyDocument):
    """A key with its secret, which is shown only once."""

    key: str = Field(description="send it as 'Authorization: Bearer <key>'")


@api.operation("POST /keys", ApiKeyWithSecret, status=201, body=NewApiKey, refuses=(409,))
def create_key() -> Response:
    """Create a key. Its secret is shown once."""
    new = read_body(NewApiKey)
    if new.expires_at is not None and new.expires_at <= context().clock():
        raise InvalidFields.at("/expires_at", f"{new.expires_at:%Y-%m-%dT%H:%M:%SZ} is past; give an instant to come")
    return _with_secret(*programmes.create_key(context(), programme_id(), new.name, set(new.scopes), new.expires_at))


@api.operation("GET /keys", ApiKeyPage, query=PageQuery)
def list_keys() -> Response:
    """List the programme's keys."""
    page = read_page_request()
    keys = programmes.list_keys(context(), programme_id())
    found = select_page(keys, lambda key: (key.created_at.isoformat(), key.id), page)
    return answer_page(ApiKeyPage, found, ApiKeyDocument.from_domain, page)


@api.operation("GET /keys/<key_id>", ApiKeyDocument)
def get_key(key_id: str) -> Response:
    """Read a key's description; its secret is not shown again."""
    return answer(ApiKeyDocument.from_domain(programmes.get_key(context(), programme_id(), key_id)))


@api.operation(
    "POST /keys/<key_id>/rotate", ApiKeyWithSecret, status=201, body=ApiKeyRotation, body_required=False, refuses=(409,)
)
def rotate_key(key_id: str) -> Response:
    """Replace a key by a new one of the same name, scopes and end.

    The old key stays valid for the overlap: an hour by default, at most 30 days.
    """
    overlap = timedelta(minutes=read_optional_body(ApiKeyRotation).overlap)
    return _with_secret(*programmes.rotate_key(context(), programme_id(), key_id, overlap))


@api.operation("DELETE /keys/<key_id>", None, status=204, refuses=(409,))
def delete_key(key_id: str) -> Response:
    """Revoke a key at once. A key may revoke itself; the last key with the scope admin can't be revoked."""
    programmes.revoke_key(context(), programme_id(), key_id)
    return Response(status=204)


def _with_secret(key: ApiKey, secret: str) -> Response:
    description = ApiKeyDocument.from_domain(key)
    document = ApiKeyWithSecret(**dict(description), key=secret)
    location = url_for("v1.keys.get_key", key_id=key.id)
    return answer(document, 201, {"Location": location, "Cache-Control": "no-store"}, of=description)
