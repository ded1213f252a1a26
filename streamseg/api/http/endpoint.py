"""Build routes that need an API key, and turn exceptions into problem responses."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streamseg.api.http.access import Access, Caller, Headers
from streamseg.api.http.answers import Answer
from streamseg.api.http.problems import Problem
from streamseg.api.http.request_body import read_body


@dataclass(frozen=True, slots=True)
class AdmittedRequest:
    """A request whose key is valid and within its rate."""

    http: Request
    caller: Caller
    headers: Headers
    body_limit_bytes: int

    async def body(self, limit_bytes: int | None = None) -> bytes:
        """Return the body, of at most `limit_bytes` or the general limit. Raises `Problem` 400, 408, 413 or 415."""
        limit = self.body_limit_bytes if limit_bytes is None else limit_bytes
        return await read_body(self.http.receive, self.headers, limit)

    def path(self, name: str) -> str:
        """Return a path parameter."""
        return str(self.http.path_params[name])

    def query(self, name: str) -> str:
        """Return a query parameter. Raises `Problem` 422 when it is missing."""
        value = self.http.query_params.get(name)
        if value is None:
            raise Problem(422, f"the query parameter {name} is missing", field=name)
        return value


Handler: TypeAlias = Callable[[AdmittedRequest], Awaitable[Answer]]

KeyedRoute: TypeAlias = Callable[[str, str, Handler], Route]
"""Builds a route of a method, a path and a handler that is called for admitted requests only."""


def keyed_route(access: Access, body_limit_bytes: int, method: str, path: str, handler: Handler) -> Route:
    """Return a route that admits requests by their key before it calls the handler: see `KeyedRoute`."""

    async def endpoint(request: Request) -> Response:
        headers = dict(request.scope["headers"])
        answer = await handler(AdmittedRequest(request, access.admit(headers), headers, body_limit_bytes))
        return answer.response()

    return Route(path, endpoint, methods=[method])


async def on_problem(_: Request, problem: Exception) -> Response:
    """Answer a `Problem`."""
    assert isinstance(problem, Problem)
    return problem.answer().response()


async def on_http_exception(_: Request, error: Exception) -> Response:
    """Answer what Starlette refuses (unknown path, wrong method) as a problem."""
    assert isinstance(error, HTTPException)
    headers = {name.lower().encode(): value.encode() for name, value in (error.headers or {}).items()}
    return Problem(error.status_code, error.detail, headers=headers).answer().response()


async def on_failure(_: Request, __: Exception) -> Response:
    """Answer an unexpected exception without details of it."""
    return Problem(500, "the server failed: the error is not in the request").answer().response()
