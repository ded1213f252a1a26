"""The OpenAPI document. Tests run every operation against it, so that it says what is so."""

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streamseg.api.http.answers import Answer
from streamseg.api.openapi.components import CUSTOMER_ID, EPOCH, SCHEMAS, Schema, array_of, object_of, ref
from streamseg.api.routes.event_intake import BATCH_AT_MOST as EVENTS_AT_MOST
from streamseg.api.routes.lookups import BATCH_AT_MOST as IDS_AT_MOST

_FRESH: Final[Schema] = {
    "ETag": {"schema": {"type": "string"}},
    "Cache-Control": {"schema": {"type": "string"}},
    "Streamseg-As-Of": {"schema": {"type": "integer"}, "description": "For when the answer holds, epoch seconds."},
    "Streamseg-Age": {"schema": {"type": "integer"}, "description": "How long ago that was, seconds."},
}
_IF_NONE_MATCH: Final[Schema] = {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}}
_CUSTOMER: Final[Schema] = {"name": "id", "in": "path", "required": True, "schema": CUSTOMER_ID}


def _problem(description: str) -> Schema:
    return {"description": description, "content": {"application/problem+json": {"schema": ref("Problem")}}}


_REFUSALS: Final = {
    "401": _problem("No key, or not a valid one."),
    "403": _problem("Not for this key."),
    "429": _problem("Too many requests: see Retry-After."),
    "503": _problem("The store or Kafka is away: a marked, empty answer."),
}
_UNFIT: Final = {
    "400": _problem("Not JSON."),
    "408": _problem("The body did not come."),
    "413": _problem("Too large."),
    "422": _problem("A field is wrong."),
}


def _answer(schema: Schema, description: str = "The answer.", headers: Schema | None = None) -> Schema:
    answer: Schema = {"description": description, "content": {"application/json": {"schema": schema}}}
    return answer | ({"headers": headers} if headers else {})


def _operation(
    name: str, summary: str, responses: Schema, *, parameters: Any = (), body: Schema | None = None
) -> Schema:
    operation: Schema = {"operationId": name, "summary": summary, "responses": responses | _REFUSALS}
    if parameters:
        operation["parameters"] = list(parameters)
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


def _open(name: str, summary: str, responses: Schema, parameters: Any = ()) -> Schema:
    operation: Schema = {"operationId": name, "summary": summary, "responses": responses, "security": []}
    return operation | ({"parameters": list(parameters)} if parameters else {})


_UNCHANGED: Final = {"304": {"description": "What the client has is current."}}
_FLAG_FAILURES: Final = {
    "400": _answer(ref("FlagFailure"), "The context is unfit."),
    "408": _UNFIT["408"],
    "413": _UNFIT["413"],
}
_NO_FLAG: Final = _answer(ref("FlagFailure"), "There is no such flag.")
_NO_FLAG["content"] |= _problem("")["content"]  # where the key could not be part of any path
_STATUS: Final = object_of({"status": {"type": "string"}})

PATHS: Final[dict[str, Schema]] = {
    "/v1/customers/{id}/segments": {
        "get": _operation(
            "getSegments",
            "A customer's standing membership, as it is stored.",
            {"200": _answer(ref("Membership"), headers=_FRESH), "422": _UNFIT["422"], "404": _problem("No such path.")}
            | _UNCHANGED,
            parameters=[_CUSTOMER, _IF_NONE_MATCH],
        )
    },
    "/v1/customers/{id}/why": {
        "get": _operation(
            "getWhy",
            "What pulls a customer to their segment, feature by feature. Secret keys only.",
            {"200": _answer(ref("Why"), headers=_FRESH), "422": _UNFIT["422"], "404": _problem("No such path.")}
            | _UNCHANGED,
            parameters=[_CUSTOMER, _IF_NONE_MATCH],
        )
    },
    "/v1/segments:batchGet": {
        "post": _operation(
            "batchGetSegments",
            "The memberships of many customers, in the order asked. Secret keys only.",
            {"200": _answer(object_of({"as_of": EPOCH, "customers": array_of(ref("Membership"))}), headers=_FRESH)}
            | _UNFIT,
            body=object_of({"ids": array_of(CUSTOMER_ID, minItems=1, maxItems=IDS_AT_MOST)}),
        )
    },
    "/v1/segments": {
        "get": _operation(
            "listSegments",
            "The segments there are; with a publishable key, the public ones.",
            {"200": _answer(object_of({"segments": array_of(ref("Segment"))}), headers=_FRESH)} | _UNCHANGED,
            parameters=[_IF_NONE_MATCH],
        )
    },
    "/v1/events": {
        "post": _operation(
            "sendEvents",
            "One event, or many. Accepted means that Kafka has it.",
            {
                "202": _answer(ref("EventResult"), "The event is in Kafka."),
                "200": _answer(
                    object_of(
                        {
                            "accepted": {"type": "integer"},
                            "rejected": {"type": "integer"},
                            "results": array_of(ref("EventResult")),
                        }
                    ),
                    "A result for each event, in the order sent.",
                ),
            }
            | _UNFIT,
            body={
                "oneOf": [
                    ref("EventIn"),
                    object_of({"events": array_of(ref("EventIn"), minItems=1, maxItems=EVENTS_AT_MOST)}),
                ]
            },
        )
    },
    "/v1/openrtb/user": {
        "get": _operation(
            "getOpenRtbUser",
            "What ad servers may know: OpenRTB 2.6 user.data, and key-values. Empty without consent.",
            {"200": _answer(ref("User"), headers=_FRESH), "422": _UNFIT["422"]} | _UNCHANGED,
            parameters=[
                {"name": "id", "in": "query", "required": True, "schema": CUSTOMER_ID},
                {"name": "Sec-GPC", "in": "header", "schema": {"type": "string"}},
                _IF_NONE_MATCH,
            ],
        )
    },
    "/ofrep/v1/evaluate/flags": {
        "post": _operation(
            "evaluateFlags",
            "All flags of a customer (OFREP).",
            {
                "200": _answer(
                    object_of({"flags": array_of(ref("Flag"))}, {"eventStreams": array_of({"type": "object"})}),
                    headers={name: _FRESH[name] for name in ("ETag", "Streamseg-As-Of", "Streamseg-Age")},
                )
            }
            | _UNCHANGED
            | _FLAG_FAILURES,
            parameters=[_IF_NONE_MATCH],
            body=ref("Evaluation"),
        )
    },
    "/ofrep/v1/evaluate/flags/{key}": {
        "post": _operation(
            "evaluateFlag",
            "One flag of a customer (OFREP).",
            {"200": _answer(ref("Flag")), "404": _NO_FLAG} | _FLAG_FAILURES,
            parameters=[{"name": "key", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}],
            body=ref("Evaluation"),
        )
    },
    "/v1/streams/{ticket}": {
        "get": _open(
            "followChanges",
            "Server-sent events that say when to ask again (OFREP ADR-0008).",
            {
                "200": {"description": "The stream.", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
                "404": _problem("The ticket is unknown or over."),
                "429": _REFUSALS["429"],
                "503": _REFUSALS["503"],
            },
            [
                {"name": "ticket", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}},
                {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}},
            ],
        )
    },
    "/livez": {"get": _open("livez", "Whether the process lives.", {"200": _answer(_STATUS)})},
    "/readyz": {
        "get": _open("readyz", "Whether it can serve.", {"200": _answer(_STATUS), "503": _answer(_STATUS, "Not now.")})
    },
    "/metrics": {
        "get": _open(
            "metrics",
            "Prometheus metrics.",
            {"200": {"description": "The metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
        )
    },
}

DOCUMENT: Final[Schema] = {
    "openapi": "3.1.0",
    "info": {
        "title": "streamseg",
        "version": "1",
        "description": "Current customer segments, for ad servers and widgets.",
    },
    "paths": PATHS,
    "security": [{"bearer": []}, {"apiKey": []}],
    "components": {
        "schemas": SCHEMAS,
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer"},
            "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        },
    },
}


def routes() -> list[Route]:
    """`GET /openapi.json`, for everyone."""
    body = msgspec.json.encode(DOCUMENT)

    async def openapi(_: Request) -> Response:
        return Answer(200, body, headers={b"cache-control": b"public, max-age=3600"}).response()

    return [Route("/openapi.json", openapi)]
