"""From a route to an answer: who asks, with what, and what becomes of problems."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streamseg.api.http.access import Access, Caller, Headers
from streamseg.api.http.answers import Answer
from streamseg.api.http.limits import read_body
from streamseg.api.http.problems import Problem


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, admitted."""

    request: Request
    caller: Caller
    headers: Headers
    limit_bytes: int

    async def body(self, limit_bytes: int | None = None) -> bytes:
        """The body. Raises `Problem` 413."""
        limit = self.limit_bytes if limit_bytes is None else limit_bytes
        return await read_body(self.request.receive, self.headers.get(b"content-length"), limit)

    def path(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    def query(self, name: str) -> str:
        """A query parameter. Raises `Problem` 422 when it is missing."""
        value = self.request.query_params.get(name)
        if value is None:
            raise Problem(422, f"the query parameter {name} is missing", field=name)
        return value


Handler: TypeAlias = Callable[[Ask], Awaitable[Answer | Response]]


def asked(access: Access, limit_bytes: int, method: str, path: str, handler: Handler) -> Route:
    """A route for callers with a key."""

    async def endpoint(request: Request) -> Response:
        headers = dict(request.scope["headers"])
        answer = await handler(Ask(request, access.admit(headers), headers, limit_bytes))
        return answer.response() if isinstance(answer, Answer) else answer

    return Route(path, endpoint, methods=[method])


async def on_problem(_: Request, problem: Exception) -> Response:
    """A `Problem` becomes its answer."""
    assert isinstance(problem, Problem)
    return problem.answer().response()


async def on_http_exception(_: Request, error: Exception) -> Response:
    """What Starlette refuses (no such path, wrong method) becomes a problem too."""
    assert isinstance(error, HTTPException)
    headers = {name.lower().encode(): value.encode() for name, value in (error.headers or {}).items()}
    return Problem(error.status_code, error.detail, headers=headers).answer().response()


async def on_failure(_: Request, __: Exception) -> Response:
    """An error of ours: nothing of it goes out."""
    return Problem(500, "something went wrong here, not with the request").answer().response()
