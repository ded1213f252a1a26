"""The OpenAPI document. Tests run every operation against it, so that it says what is so."""

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streamseg.api.answers import Answer
from streamseg.api.events_in import BATCH_AT_MOST as EVENTS_AT_MOST
from streamseg.api.lookups import BATCH_AT_MOST as IDS_AT_MOST
from streamseg.events.types import KINDS

Schema = dict[str, Any]

CUSTOMER_ID: Final[Schema] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 256,
    "pattern": r"^[^\s{}]+$",
    "description": "Printable characters without white space and braces.",
}
EPOCH: Final[Schema] = {"type": "integer", "description": "Seconds since 1970."}


def _object(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {"type": "object", "required": list(required), "properties": required | (optional or {})}


def _array(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items} | more


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


SCHEMAS: Final[dict[str, Schema]] = {
    "Standing": _object({"id": {"type": "string"}, "since": EPOCH, "score": {"type": "number"}}),
    "Membership": _object(
        {
            "customer_id": {"type": "string"},
            "segments": {
                "type": "object",
                "additionalProperties": {"oneOf": [_ref("Standing"), {"type": "null"}]},
                "description": "By segmentation; null is unassigned.",
            },
        },
        {
            "v": {"type": "integer"},
            "known": {"type": "boolean", "description": "False for a customer of whom nothing is known."},
            "epoch": {"type": "integer"},
            "seq": {"type": "integer"},
            "as_of": EPOCH,
            "model": {"type": "object", "additionalProperties": {"type": "integer"}},
            "consent": _object({"ads": {"type": "boolean"}, "personalisation": {"type": "boolean"}}),
        },
    ),
    "Segment": _object(
        {"id": {"type": "string"}, "segmentation": {"type": "string"}},
        {
            "label": {"type": "string"},
            "description": {"type": "string"},
            "size": {"type": "integer"},
            "created": EPOCH,
            "parents": _array({"type": "string"}),
            "retired": {"type": ["integer", "null"]},
        },
    ),
    "Problem": _object(
        {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
        {"field": {"type": "string", "description": "Parameter, header or path in the body."}},
    ),
    "EventIn": _object(
        {
            "kind": {"enum": list(KINDS)},
            "event": {"type": "object", "description": "After schemas/streamseg.<topic>/v1/schema.json."},
        }
    ),
    "EventResult": _object(
        {"status": {"enum": ["accepted", "rejected"]}},
        {"field": {"type": "string"}, "detail": {"type": "string"}, "reason": {"type": "string"}},
    ),
    "User": _object(
        {
            "user": _object({"data": _array({"type": "object", "description": "OpenRTB 2.6, section 3.2.21."})}),
            "key_values": {"type": "object", "additionalProperties": _array({"type": "string"})},
        },
        {"regs": {"type": "object"}},
    ),
    "Evaluation": _object({"context": _object({"targetingKey": CUSTOMER_ID})}),
    "Flag": _object(
        {
            "key": {"type": "string"},
            "value": {},
            "reason": {"type": "string"},
            "variant": {"type": "string"},
            "metadata": {"type": "object"},
        }
    ),
    "FlagFailure": _object(
        {"errorCode": {"type": "string"}}, {"errorDetails": {"type": "string"}, "key": {"type": "string"}}
    ),
    "Why": _object(
        {
            "customer_id": {"type": "string"},
            "known": {"type": "boolean"},
            "segmentations": {
                "type": "object",
                "additionalProperties": _object(
                    {"segment": {"type": "string"}, "pulls": _array({"type": "object"})},
                    {"version": {"type": "integer"}},
                ),
            },
        }
    ),
}

_FRESH: Final[Schema] = {
    "ETag": {"schema": {"type": "string"}},
    "Cache-Control": {"schema": {"type": "string"}},
    "Streamseg-As-Of": {"schema": {"type": "integer"}, "description": "For when the answer holds, epoch seconds."},
    "Streamseg-Age": {"schema": {"type": "integer"}, "description": "How long ago that was, seconds."},
}
_IF_NONE_MATCH: Final[Schema] = {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}}
_CUSTOMER: Final[Schema] = {"name": "id", "in": "path", "required": True, "schema": CUSTOMER_ID}


def _problem(description: str) -> Schema:
    return {"description": description, "content": {"application/problem+json": {"schema": _ref("Problem")}}}


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
    "400": _answer(_ref("FlagFailure"), "The context is unfit."),
    "408": _UNFIT["408"],
    "413": _UNFIT["413"],
}
_NO_FLAG: Final = _answer(_ref("FlagFailure"), "There is no such flag.")
_NO_FLAG["content"] |= _problem("")["content"]  # where the key could not be part of any path
_STATUS: Final = _object({"status": {"type": "string"}})

PATHS: Final[dict[str, Schema]] = {
    "/v1/customers/{id}/segments": {
        "get": _operation(
            "getSegments",
            "A customer's standing membership, as it is stored.",
            {"200": _answer(_ref("Membership"), headers=_FRESH), "422": _UNFIT["422"], "404": _problem("No such path.")}
            | _UNCHANGED,
            parameters=[_CUSTOMER, _IF_NONE_MATCH],
        )
    },
    "/v1/customers/{id}/why": {
        "get": _operation(
            "getWhy",
            "What pulls a customer to their segment, feature by feature. Secret keys only.",
            {"200": _answer(_ref("Why"), headers=_FRESH), "422": _UNFIT["422"], "404": _problem("No such path.")}
            | _UNCHANGED,
            parameters=[_CUSTOMER, _IF_NONE_MATCH],
        )
    },
    "/v1/segments:batchGet": {
        "post": _operation(
            "batchGetSegments",
            "The memberships of many customers, in the order asked. Secret keys only.",
            {"200": _answer(_object({"as_of": EPOCH, "customers": _array(_ref("Membership"))}), headers=_FRESH)}
            | _UNFIT,
            body=_object({"ids": _array(CUSTOMER_ID, minItems=1, maxItems=IDS_AT_MOST)}),
        )
    },
    "/v1/segments": {
        "get": _operation(
            "listSegments",
            "The segments there are; with a publishable key, the public ones.",
            {"200": _answer(_object({"segments": _array(_ref("Segment"))}), headers=_FRESH)} | _UNCHANGED,
            parameters=[_IF_NONE_MATCH],
        )
    },
    "/v1/events": {
        "post": _operation(
            "sendEvents",
            "One event, or many. Accepted means that Kafka has it.",
            {
                "202": _answer(_ref("EventResult"), "The event is in Kafka."),
                "200": _answer(
                    _object(
                        {
                            "accepted": {"type": "integer"},
                            "rejected": {"type": "integer"},
                            "results": _array(_ref("EventResult")),
                        }
                    ),
                    "A result for each event, in the order sent.",
                ),
            }
            | _UNFIT,
            body={
                "oneOf": [
                    _ref("EventIn"),
                    _object({"events": _array(_ref("EventIn"), minItems=1, maxItems=EVENTS_AT_MOST)}),
                ]
            },
        )
    },
    "/v1/openrtb/user": {
        "get": _operation(
            "getOpenRtbUser",
            "What ad servers may know: OpenRTB 2.6 user.data, and key-values. Empty without consent.",
            {"200": _answer(_ref("User"), headers=_FRESH), "422": _UNFIT["422"]} | _UNCHANGED,
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
                    _object({"flags": _array(_ref("Flag"))}, {"eventStreams": _array({"type": "object"})}),
                    headers={name: _FRESH[name] for name in ("ETag", "Streamseg-As-Of", "Streamseg-Age")},
                )
            }
            | _UNCHANGED
            | _FLAG_FAILURES,
            parameters=[_IF_NONE_MATCH],
            body=_ref("Evaluation"),
        )
    },
    "/ofrep/v1/evaluate/flags/{key}": {
        "post": _operation(
            "evaluateFlag",
            "One flag of a customer (OFREP).",
            {"200": _answer(_ref("Flag")), "404": _NO_FLAG} | _FLAG_FAILURES,
            parameters=[{"name": "key", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}],
            body=_ref("Evaluation"),
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
