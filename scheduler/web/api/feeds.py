"""A person's ICS feeds under /v1/people/{id}/feeds. A feed's address is its only credential."""

from __future__ import annotations

from datetime import timedelta

from flask import Response, current_app, request, url_for
from pydantic import Field

from scheduler.domain.programme.api_keys import Scope
from scheduler.domain.programme.people import Feed, Show
from scheduler.errors import InvalidFields
from scheduler.services import feed_tokens
from scheduler.web.api.keys import Overlap
from scheduler.web.documents import examples
from scheduler.web.fields.document import Document, only
from scheduler.web.fields.texts import Id
from scheduler.web.fields.times import Timestamp
from scheduler.web.http.paging import PageDocument, PageQuery, answer_page, read_page_request, select_page
from scheduler.web.http.requests import answer, context, programme_id, read_body, read_optional_body
from scheduler.web.http.resources import Resource

api = Resource("feeds", tag="feeds", reads=Scope.PEOPLE_READ, writes=Scope.PEOPLE_WRITE)


class NewFeed(Document, json_schema_extra={"examples": [examples.NEW_FEED]}):
    """A feed to create."""

    show: Show = Show.DETAILS


class FeedRotation(Document, json_schema_extra={"examples": [examples.FEED_ROTATION]}):
    """Options for the replacement of a feed's token."""

    overlap: Overlap = Field("PT0S", validate_default=True)


class FeedDocument(Document):
    """A feed, without its token."""

    id: Id
    show: Show
    created_at: Timestamp


class FeedPage(PageDocument):
    """A person's active feeds, the oldest first."""

    items: list[FeedDocument]


class FeedWithToken(FeedDocument):
    """A feed with its token, which is shown only once."""

    shown_to_writers = only("id", "show", "created_at", "token", "url", "webcal_url")

    token: str
    url: str = Field(description="the address to subscribe to")
    webcal_url: str = Field(description="the same address as a link that opens a calendar app")


@api.operation("POST /people/<person_id>/feeds", FeedWithToken, status=201, body=NewFeed, refuses=(409,))
def create_feed(person_id: str) -> Response:
    """Create a feed of all the person's meetings. Its token is shown once."""
    base = _public_url()
    feed, token = feed_tokens.create_feed(context(), programme_id(), person_id, read_body(NewFeed).show)
    location = url_for("v1.feeds.get_feed", person_id=person_id, feed_id=feed.id)
    headers = {"Location": location, "Cache-Control": "no-store"}
    return answer(_with_token(base, feed, token), 201, headers, of=FeedDocument.of(feed))


@api.operation("GET /people/<person_id>/feeds", FeedPage, query=PageQuery)
def list_feeds(person_id: str) -> Response:
    """List a person's feeds."""
    page = read_page_request()
    feeds = feed_tokens.list_feeds(context(), programme_id(), person_id)
    found = select_page(feeds, lambda feed: (feed.created_at.isoformat(), feed.id), page)
    return answer_page(FeedPage, found, FeedDocument.of, page)


@api.operation("GET /people/<person_id>/feeds/<feed_id>", FeedDocument)
def get_feed(person_id: str, feed_id: str) -> Response:
    """Read a feed's description; its token is not shown again."""
    return answer(FeedDocument.of(feed_tokens.get_feed(context(), programme_id(), person_id, feed_id)))


@api.operation("POST /people/<person_id>/feeds/<feed_id>/rotate", FeedWithToken, body=FeedRotation, body_required=False)
def rotate_feed(person_id: str, feed_id: str) -> Response:
    """Give a feed a new token. The old address ends at once, or after the overlap."""
    base = _public_url()
    overlap = timedelta(minutes=read_optional_body(FeedRotation).overlap)
    feed, token = feed_tokens.rotate_feed(context(), programme_id(), person_id, feed_id, overlap)
    return answer(_with_token(base, feed, token), 200, {"Cache-Control": "no-store"})


@api.operation("DELETE /people/<person_id>/feeds/<feed_id>", None, status=204)
def delete_feed(person_id: str, feed_id: str) -> Response:
    """Revoke a feed."""
    feed_tokens.delete_feed(context(), programme_id(), person_id, feed_id)
    return Response(status=204)


def _public_url() -> str:
    """Return the service's public URL. Raises InvalidFields if neither a setting nor a valid Host gives one."""
    if not current_app.config["PUBLIC_URL"] and not request.host:
        raise InvalidFields.at("/Host", "no host has such a name; ask by the name that the service is reached by")
    return str(current_app.config["PUBLIC_URL"] or request.url_root.rstrip("/"))


def _with_token(base: str, feed: Feed, token: str) -> FeedWithToken:
    url = f"{base}{url_for('feeds.get_feed_calendar', token=token)}"
    return FeedWithToken.of(feed, token=token, url=url, webcal_url="webcal" + url[url.index("://") :])
