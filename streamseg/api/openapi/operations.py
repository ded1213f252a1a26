"""What operations in the OpenAPI document have in common: answers, refusals, headers."""

from typing import Any, Final

from streamseg.api.openapi.components import Schema, ref

FRESH: Final[Schema] = {
    "ETag": {"schema": {"type": "string"}},
    "Cache-Control": {"schema": {"type": "string"}},
    "Streamseg-As-Of": {"schema": {"type": "integer"}, "description": "Moment of the decision, epoch seconds."},
    "Streamseg-Age": {"schema": {"type": "integer"}, "description": "Age of the decision, seconds."},
}
IF_NONE_MATCH: Final[Schema] = {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}}


def problem(description: str) -> Schema:
    """Return a response with a problem document."""
    return {"description": description, "content": {"application/problem+json": {"schema": ref("Problem")}}}


NOT_UTF8: Final = {"400": problem("Path or query are not UTF-8.")}
REFUSALS: Final = {
    "401": problem("No key, or not a valid one."),
    "403": problem("Not allowed with this key."),
    "429": problem("Too many requests: see Retry-After."),
    "503": problem("Redis or Kafka does not answer: an empty answer, marked by Streamseg-Unavailable."),
}
BAD_BODY: Final = {
    "400": problem("Not JSON, or not UTF-8."),
    "408": problem("The body did not arrive in time."),
    "413": problem("Too large."),
    "415": problem("Compressed."),
    "422": problem("A field is wrong."),
}


UNCHANGED: Final = {"304": {"description": "The client has the current answer."}}


def answer(schema: Schema, description: str = "The answer.", headers: Schema | None = None) -> Schema:
    """Return a response with JSON."""
    made: Schema = {"description": description, "content": {"application/json": {"schema": schema}}}
    return made | ({"headers": headers} if headers else {})


def operation(
    name: str, summary: str, responses: Schema, *, parameters: Any = (), body: Schema | None = None
) -> Schema:
    """Return an operation that needs a key."""
    made: Schema = {"operationId": name, "summary": summary, "responses": NOT_UTF8 | responses | REFUSALS}
    if parameters:
        made["parameters"] = list(parameters)
    if body is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return made
