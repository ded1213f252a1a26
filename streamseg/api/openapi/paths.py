"""The operations in the OpenAPI document: parameters, bodies and answers of every path."""

from typing import Any, Final

from streamseg.api.openapi import audience_paths
from streamseg.api.openapi.components import CUSTOMER_ID, EPOCH, Schema, array_of, object_of, ref
from streamseg.api.openapi.operations import (
    BAD_BODY,
    FRESH,
    IF_NONE_MATCH,
    NOT_UTF8,
    UNCHANGED,
    answer,
    operation,
    problem,
)
from streamseg.api.routes.event_intake import EVENTS_AT_MOST
from streamseg.api.routes.lookups import IDS_AT_MOST

_LANGUAGE: Final[Schema] = {"Content-Language": {"schema": {"type": "string"}}}
_LANG: Final[Schema] = {
    "name": "lang",
    "in": "query",
    "schema": {"type": "string"},
    "description": "Language of label, description and action: en, nl or sv. It wins over Accept-Language.",
}
_ACCEPT_LANGUAGE: Final[Schema] = {"name": "Accept-Language", "in": "header", "schema": {"type": "string"}}
_GPC: Final[Schema] = {"name": "Sec-GPC", "in": "header", "schema": {"type": "string"}}
_CUSTOMER: Final[Schema] = {"name": "id", "in": "path", "required": True, "schema": CUSTOMER_ID}


def _about_customer(name: str, summary: str, schema: str, *parameters: Schema) -> Schema:
    """Return a GET below `/v1/customers/{id}`."""
    responses = {"200": answer(ref(schema), headers=FRESH), "422": BAD_BODY["422"], "404": problem("No such path.")}
    return {"get": operation(name, summary, responses | UNCHANGED, parameters=[_CUSTOMER, IF_NONE_MATCH, *parameters])}


def _without_key(name: str, summary: str, responses: Schema, parameters: Any = ()) -> Schema:
    made: Schema = {"operationId": name, "summary": summary, "responses": NOT_UTF8 | responses, "security": []}
    return made | ({"parameters": list(parameters)} if parameters else {})


_FLAG_FAILURES: Final = {
    "400": answer(ref("FlagFailure"), "The context is invalid."),
    "408": BAD_BODY["408"],
    "413": BAD_BODY["413"],
    "415": BAD_BODY["415"],
}
_FLAG_FAILURES["400"]["content"] |= problem("")["content"]  # for a path or query that is not UTF-8
_NO_FLAG: Final = answer(ref("FlagFailure"), "There is no such flag.")
_NO_FLAG["content"] |= problem("")["content"]  # for a key that no path can contain
_STATUS: Final = object_of({"status": {"type": "string"}})

PATHS: Final[dict[str, Schema]] = audience_paths.PATHS | {
    "/v1/customers/{id}/segments": _about_customer(
        "getSegments", "A customer's current membership, as stored.", "Membership"
    ),
    "/v1/customers/{id}/why": _about_customer(
        "getWhy",
        "The features that pull a customer to their segment, and why they are in audiences. Secret keys only.",
        "Why",
        _LANG,
        _ACCEPT_LANGUAGE,
    ),
    "/v1/segments:batchGet": {
        "post": operation(
            "batchGetSegments",
            "The memberships of many customers, in the order of the ids. Secret keys only.",
            {"200": answer(object_of({"as_of": EPOCH, "customers": array_of(ref("Membership"))}), headers=FRESH)}
            | BAD_BODY,
            body=object_of({"ids": array_of(CUSTOMER_ID, minItems=1, maxItems=IDS_AT_MOST)}),
        )
    },
    "/v1/segments": {
        "get": operation(
            "listSegments",
            "All segments, in the language of the reader; with a publishable key, the public ones.",
            {"200": answer(object_of({"segments": array_of(ref("Segment"))}), headers=FRESH | _LANGUAGE)} | UNCHANGED,
            parameters=[IF_NONE_MATCH, _LANG, _ACCEPT_LANGUAGE],
        )
    },
    "/v1/events": {
        "post": operation(
            "sendEvents",
            "Send one event, or many. Accepted means that Kafka has it.",
            {
                "202": answer(ref("EventResult"), "The event is in Kafka."),
                "200": answer(
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
            | BAD_BODY,
            body={
                "oneOf": [
                    ref("EventIn"),
                    object_of({"events": array_of(ref("EventIn"), minItems=1, maxItems=EVENTS_AT_MOST)}),
                ]
            },
        )
    },
    "/v1/openrtb/user": {
        "get": operation(
            "getOpenRtbUser",
            "Segments for ad servers: OpenRTB 2.6 user.data, and key-values. Empty without consent to ads.",
            {"200": answer(ref("User"), headers=FRESH), "422": BAD_BODY["422"]} | UNCHANGED,
            parameters=[
                {"name": "id", "in": "query", "required": True, "schema": CUSTOMER_ID},
                _GPC,
                IF_NONE_MATCH,
            ],
        ),
        "post": operation(
            "postOpenRtbUser",
            "The same for pages, with a publishable key and without a CORS preflight: the body may be text/plain.",
            {"200": answer(ref("User"), headers=FRESH)} | BAD_BODY | UNCHANGED,
            parameters=[_GPC, IF_NONE_MATCH],
            body=object_of({"id": CUSTOMER_ID, "key": {"type": "string"}}, {"hash": {"type": ["string", "null"]}}),
        )
        | {"security": []},
    },
    "/ofrep/v1/evaluate/flags": {
        "post": operation(
            "evaluateFlags",
            "All flags of a customer (OFREP).",
            {
                "200": answer(
                    object_of({"flags": array_of(ref("Flag"))}, {"eventStreams": array_of({"type": "object"})}),
                    headers={name: FRESH[name] for name in ("ETag", "Streamseg-As-Of", "Streamseg-Age")},
                )
            }
            | UNCHANGED
            | _FLAG_FAILURES,
            parameters=[IF_NONE_MATCH],
            body=ref("Evaluation"),
        )
    },
    "/ofrep/v1/evaluate/flags/{key}": {
        "post": operation(
            "evaluateFlag",
            "One flag of a customer (OFREP).",
            {"200": answer(ref("Flag")), "404": _NO_FLAG} | _FLAG_FAILURES,
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
                "404": problem("The ticket is unknown or expired."),
                "429": problem("Too many streams are open of this ticket, customer or API key: see Retry-After."),
                "503": problem("Redis does not answer, or the process is about to end."),
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
    "/livez": {"get": _without_key("livez", "Whether the process runs.", {"200": answer(_STATUS)})},
    "/readyz": {
        "get": _without_key(
            "readyz", "Whether the process can serve.", {"200": answer(_STATUS), "503": answer(_STATUS, "Not now.")}
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
