"""Let pages of chosen origins call the API (CORS)."""

from collections.abc import Sequence
from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

REQUEST_HEADERS: Final = ("Authorization", "Content-Type", "If-None-Match", "X-API-Key", "X-Streamseg-Hash")
RESPONSE_HEADERS: Final = ("ETag", "Retry-After", "Streamseg-As-Of", "Streamseg-Age", "Streamseg-Unavailable")


def open_to_pages(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """Return the app with CORS headers for pages of these origins."""
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=("GET", "POST"),
        allow_headers=REQUEST_HEADERS,
        expose_headers=RESPONSE_HEADERS,
    )
