"""The operations in the OpenAPI document: parameters, bodies and answers of every path."""

from typing import Any, Final

from streamseg.api.openapi.components import CUSTOMER_ID, EPOCH, Schema, array_of, object_of, ref
from streamseg.api.routes.event_intake import EVENTS_AT_MOST
from streamseg.api.routes.lookups import IDS_AT_MOST

_FRESH: Final[Schema] = {
    "ETag": {"schema": {"type": "string"}},
    "Cache-Control": {"schema": {"type": "string"}},
    "Streamseg-As-Of": {"schema": {"type": "integer"}, "description": "Moment of the decision, epoch seconds."},
    "Streamseg-Age": {"schema": {"type": "integer"}, "description": "Age of the decision, seconds."},
}
_LANGUAGE: Final[Schema] = {"Content-Language": {"schema": {"type": "string"}}}
_IF_NONE_MATCH: Final[Schema] = {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}}
_LANG: Final[Schema] = {
    "name": "lang",
    "in": "query",
    "schema": {"type": "string"},
    "description": "Language of label, description and action: en, nl or sv. It wins over Accept-Language.",
}
_ACCEPT_LANGUAGE: Final[Schema] = {"name": "Accept-Language", "in": "header", "schema": {"type": "string"}}
_GPC: Final[Schema] = {"name": "Sec-GPC", "in": "header", "schema": {"type": "string"}}
_CUSTOMER: Final[Schema] = {"name": "id", "in": "path", "required": True, "schema": CUSTOMER_ID}


def _problem(description: str) -> Schema:
    return {"description": description, "content": {"application/problem+json": {"schema": ref("Problem")}}}


_NOT_UTF8: Final = {"400": _problem("Path or query are not UTF-8.")}
_REFUSALS: Final = {
    "401": _problem("No key, or not a valid one."),
    "403": _problem("Not allowed with this key."),
    "429": _problem("Too many requests: see Retry-After."),
    "503": _problem("Redis or Kafka does not answer: an empty answer, marked by Streamseg-Unavailable."),
}
_BAD_BODY: Final = {
    "400": _problem("Not JSON, or not UTF-8."),
    "408": _problem("The body did not arrive in time."),
    "413": _problem("Too large."),
    "415": _problem("Compressed."),
    "422": _problem("A field is wrong."),
}


def _answer(schema: Schema, description: str = "The answer.", headers: Schema | None = None) -> Schema:
    answer: Schema = {"description": description, "content": {"application/json": {"schema": schema}}}
    return answer | ({"headers": headers} if headers else {})


def _operation(
    name: str, summary: str, responses: Schema, *, parameters: Any = (), body: Schema | None = None
) -> Schema:
    operation: Schema = {"operationId": name, "summary": summary, "responses": _NOT_UTF8 | responses | _REFUSALS}
    if parameters:
        operation["parameters"] = list(parameters)
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


def _about_customer(name: str, summary: str, schema: str) -> Schema:
    """Return a GET below `/v1/customers/{id}`."""
    responses = {"200": _answer(ref(schema), headers=_FRESH), "422": _BAD_BODY["422"], "404": _problem("No such path.")}
    return {"get": _operation(name, summary, responses | _UNCHANGED, parameters=[_CUSTOMER, _IF_NONE_MATCH])}


def _without_key(name: str, summary: str, responses: Schema, parameters: Any = ()) -> Schema:
    operation: Schema = {"operationId": name, "summary": summary, "responses": _NOT_UTF8 | responses, "security": []}
    return operation | ({"parameters": list(parameters)} if parameters else {})


_UNCHANGED: Final = {"304": {"description": "The client has the current answer."}}
_FLAG_FAILURES: Final = {
    "400": _answer(ref("FlagFailure"), "The context is invalid."),
    "408": _BAD_BODY["408"],
    "413": _BAD_BODY["413"],
    "415": _BAD_BODY["415"],
}
_FLAG_FAILURES["400"]["content"] |= _problem("")["content"]  # for a path or query that is not UTF-8
_NO_FLAG: Final = _answer(ref("FlagFailure"), "There is no such flag.")
_NO_FLAG["content"] |= _problem("")["content"]  # for a key that no path can contain
_STATUS: Final = object_of({"status": {"type": "string"}})

PATHS: Final[dict[str, Schema]] = {
    "/v1/customers/{id}/segments": _about_customer(
        "getSegments", "A customer's current membership, as stored.", "Membership"
    ),
    "/v1/customers/{id}/why": _about_customer(
        "getWhy", "The features that pull a customer to their segment. Secret keys only.", "Why"
    ),
    "/v1/segments:batchGet": {
        "post": _operation(
            "batchGetSegments",
            "The memberships of many customers, in the order of the ids. Secret keys only.",
            {"200": _answer(object_of({"as_of": EPOCH, "customers": array_of(ref("Membership"))}), headers=_FRESH)}
            | _BAD_BODY,
            body=object_of({"ids": array_of(CUSTOMER_ID, minItems=1, maxItems=IDS_AT_MOST)}),
        )
    },
    "/v1/segments": {
        "get": _operation(
            "listSegments",
            "All segments, in the language of the reader; with a publishable key, the public ones.",
            {"200": _answer(object_of({"segments": array_of(ref("Segment"))}), headers=_FRESH | _LANGUAGE)}
            | _UNCHANGED,
            parameters=[_IF_NONE_MATCH, _LANG, _ACCEPT_LANGUAGE],
        )
    },
    "/v1/events": {
        "post": _operation(
            "sendEvents",
            "Send one event, or many. Accepted means that Kafka has it.",
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
                    "A result for each event, in the same order.",
                ),
            }
            | _BAD_BODY,
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
            "Segments for ad servers: OpenRTB 2.6 user.data, and key-values. Empty without consent to ads.",
            {"200": _answer(ref("User"), headers=_FRESH), "422": _BAD_BODY["422"]} | _UNCHANGED,
            parameters=[
                {"name": "id", "in": "query", "required": True, "schema": CUSTOMER_ID},
                _GPC,
                _IF_NONE_MATCH,
            ],
        ),
        "post": _operation(
            "postOpenRtbUser",
            "The same for pages, with a publishable key and without a CORS preflight: the body may be text/plain.",
            {"200": _answer(ref("User"), headers=_FRESH)} | _BAD_BODY | _UNCHANGED,
            parameters=[_GPC, _IF_NONE_MATCH],
            body=object_of({"id": CUSTOMER_ID, "key": {"type": "string"}}, {"hash": {"type": ["string", "null"]}}),
        )
        | {"security": []},
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
        "get": _without_key(
            "followChanges",
            "Server-sent events that tell the client to ask again (OFREP ADR-0008).",
            {
                "200": {"description": "The stream.", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
                "404": _problem("The ticket is unknown or expired."),
                "429": _problem("Too many streams are open of this ticket, customer or API key: see Retry-After."),
                "503": _problem("Redis does not answer, or the process is about to end."),
            },
            [
                {"name": "ticket", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}},
                {"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}},
                {
                    "name": "after",
                    "in": "query",
                    "schema": {"type": "string"},
                    "description": "The last event id that the client has, where it cannot send the header.",
                },
            ],
        )
    },
    "/livez": {"get": _without_key("livez", "Whether the process runs.", {"200": _answer(_STATUS)})},
    "/readyz": {
        "get": _without_key(
            "readyz", "Whether the process can serve.", {"200": _answer(_STATUS), "503": _answer(_STATUS, "Not now.")}
        )
    },
    "/metrics": {
        "get": _without_key(
            "metrics",
            "Prometheus metrics.",
            {"200": {"description": "The metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
        )
    },
}
