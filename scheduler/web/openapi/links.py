"""OpenAPI links from the operations that create or list a resource to the operations on it.

The links follow from the names in paths.
"""

from __future__ import annotations

import re
from typing import Any

_ID_OF = {
    "people": "person_id",
    "blackouts": "blackout_id",
    "calendars": "calendar_id",
    "feeds": "feed_id",
    "mentorships": "mentorship_id",
    "meetings": "meeting_id",
    "occurrences": "recurrence_id",
    "deliveries": "delivery_id",
    "keys": "key_id",
}
"""The name of a resource's id in paths, by the name of its collection."""


def add_links(paths: dict[str, dict[str, Any]]) -> None:
    """Add links to every collection: from POST to the new resource, from GET to the first that is listed."""
    for path, operations in paths.items():
        name = _ID_OF.get(path.rpartition("/")[2])
        if name is None:
            continue
        member = "recurrence_id" if name == "recurrence_id" else "id"
        for method, code, where in (("post", "201", f"/{member}"), ("get", "200", f"/items/0/{member}")):
            if code in operations.get(method, {"responses": {}})["responses"]:
                operations[method]["responses"][code]["links"] = _links(paths, path, name, where)


def _links(paths: dict[str, dict[str, Any]], path: str, name: str, where: str) -> dict[str, Any]:
    """Return links to every operation that needs the resource's id and otherwise only ids of the request's path."""
    known = {row: f"$request.path.{row}" for row in _variables(path)} | {name: f"$response.body#{where}"}
    return {
        operation["operationId"]: {
            "operationId": operation["operationId"],
            "parameters": {row: known[row] for row in _variables(target)},
        }
        for target, operations in paths.items()
        if name in _variables(target) and set(_variables(target)) <= known.keys()
        for operation in operations.values()
    }


def _variables(path: str) -> list[str]:
    return re.findall(r"{(\w+)}", path)
