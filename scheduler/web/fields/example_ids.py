"""The ids of stored resources in the examples of the OpenAPI document, shared by paths and bodies."""

from __future__ import annotations

from typing import Final

MENTOR: Final = "0a6f1d52-7a54-4c43-9a52-5f0c8f7d2b11"
MENTEE: Final = "3b9b5f0e-52c8-4b0f-8d6a-9c1e4a7f6d22"

EXAMPLE_IDS: Final = {
    "person_id": MENTOR,
    "blackout_id": "5c1d7a94-0e3b-4f6a-b7d8-2a9e6c4f1b33",
    "calendar_id": "6d2e8ba5-1f4c-4a7b-88e9-3baf7d5a2c44",
    "feed_id": "7e3f9cb6-2a5d-4b8c-99fa-4cb08e6b3d55",
    "mentorship_id": "8f40adc7-3b6e-4c9d-aa0b-5dc19f7c4e66",
    "meeting_id": "9a51bed8-4c7f-4dae-bb1c-6ed2a08d5f77",
    "recurrence_id": "20361104T100000",
    "delivery_id": "ab62cfe9-5d80-4ebf-8c2d-7fe3b19e6a88",
    "key_id": "bc73d0fa-6e91-4fc0-9d3e-80f4c2af7b99",
    "token": "token-of-an-example-feed",
}
"""The example of each path parameter, by name."""
