"""The schemas in the OpenAPI document: bodies of requests and answers."""

from typing import Any, Final

from streamseg.events.types import KINDS

Schema = dict[str, Any]

CUSTOMER_ID: Final[Schema] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 256,
    "pattern": r"^[^\s{}]+$",
    "description": "Printable characters, without white space or braces.",
}
AUDIENCE_ID: Final[Schema] = {"type": "string", "maxLength": 64, "pattern": r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"}
EPOCH: Final[Schema] = {"type": "integer", "description": "Seconds since 1970."}
SEPARATION: Final[Schema] = {
    "type": "number",
    "description": (
        "1 - d1/d2, where d1 is the distance to the centre of this segment and d2 that to the nearest other centre."
        " It says how clearly the segment is nearest; it is not a probability. 1 in a declared group."
    ),
}


def object_of(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """Return the schema of an object. Further properties are allowed."""
    return {"type": "object", "required": list(required), "properties": required | (optional or {})}


def array_of(items: Schema, **more: Any) -> Schema:
    """Return the schema of an array; `more` are keywords such as `maxItems`."""
    return {"type": "array", "items": items} | more


def ref(name: str) -> Schema:
    """Return a reference to one of `SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


SCHEMAS: Final[dict[str, Schema]] = {
    "Standing": object_of({"id": {"type": "string"}, "since": EPOCH, "score": SEPARATION}),
    "Membership": object_of(
        {
            "customer_id": {"type": "string"},
            "segments": {
                "type": "object",
                "additionalProperties": {"oneOf": [ref("Standing"), {"type": "null"}]},
                "description": "By segmentation; null is unassigned.",
            },
        },
        {
            "v": {"type": "integer"},
            "known": {"type": "boolean", "description": "False for an unknown customer."},
            "epoch": {"type": "integer"},
            "seq": {"type": "integer"},
            "as_of": EPOCH,
            "model": {"type": "object", "additionalProperties": {"type": "integer"}},
            "audiences": array_of({"type": "string"}, description="Ids of audiences; only where some are declared."),
            "consent": object_of(
                {"ads": {"type": "boolean"}, "personalisation": {"type": "boolean"}}, {"analytics": {"type": "boolean"}}
            ),
        },
    ),
    "Segment": object_of(
        {"id": {"type": "string"}, "segmentation": {"type": "string"}},
        {
            "label": {
                "type": "string",
                "description": "The given name, else the generated label.",
            },
            "generated_label": {"type": "string"},
            "description": {"type": "string", "description": "Who the members are, in sentences."},
            "action": {"type": ["string", "null"], "description": "What to do for them; null if nothing fits."},
            "size": {"type": "integer"},
            "created": EPOCH,
            "parents": array_of({"type": "string"}),
            "retired": {"type": ["integer", "null"]},
            "closes": {
                "type": ["integer", "null"],
                "description": "Until when the segment loses its members day by day; null unless it is closing.",
            },
        },
    ),
    "Problem": object_of(
        {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
        {"field": {"type": "string", "description": "Parameter, header, or path in the body."}},
    ),
    "EventIn": object_of(
        {
            "kind": {"enum": list(KINDS)},
            "event": {"type": "object", "description": "See schemas/streamseg.<topic>/v1/schema.json."},
        }
    ),
    "EventResult": object_of(
        {"status": {"enum": ["accepted", "rejected"]}},
        {"field": {"type": "string"}, "detail": {"type": "string"}, "reason": {"type": "string"}},
    ),
    "User": object_of(
        {
            "user": object_of({"data": array_of({"type": "object", "description": "OpenRTB 2.6, section 3.2.21."})}),
            "key_values": {"type": "object", "additionalProperties": array_of({"type": "string"})},
        },
        {"regs": {"type": "object"}},
    ),
    "Evaluation": object_of({"context": object_of({"targetingKey": CUSTOMER_ID})}),
    "Flag": object_of(
        {
            "key": {"type": "string"},
            "value": {},
            "reason": {"type": "string"},
            "variant": {"type": "string"},
            "metadata": {"type": "object"},
        }
    ),
    "FlagFailure": object_of(
        {"errorCode": {"type": "string"}}, {"errorDetails": {"type": "string"}, "key": {"type": "string"}}
    ),
    "Why": object_of(
        {
            "customer_id": {"type": "string"},
            "known": {"type": "boolean"},
            "segmentations": {
                "type": "object",
                "additionalProperties": object_of(
                    {"segment": {"type": "string"}, "pulls": array_of({"type": "object"})},
                    {
                        "since": EPOCH,
                        "as_of": EPOCH,
                        "separation": SEPARATION,
                        "confidence": {
                            "type": "number",
                            "deprecated": True,
                            "description": "The old name of `separation`. It is not a probability.",
                        },
                        "model": {
                            "type": ["integer", "null"],
                            "description": "Snapshot version of the decision.",
                        },
                        "runner_up": {"type": ["string", "null"], "description": "The nearest other segment."},
                        "version": {
                            "type": ["integer", "null"],
                            "description": "Snapshot version behind the pulls.",
                        },
                        "declared": {
                            "type": "object",
                            "description": "In a declared group: its rule, the figure it compares, and the value; or"
                            " all rules down to the one that holds.",
                        },
                        "not_compared": {
                            "enum": ["closing", "ended", "alone"],
                            "description": "Why there are no pulls: the segment is closing, it is not in the current"
                            " model, or there is no other.",
                        },
                        "closes": {**EPOCH, "description": "Until when a closing segment keeps its customers."},
                        "rfm": {
                            "type": ["object", "null"],
                            "description": "Quintile scores and their group.",
                        },
                    },
                ),
            },
            "audiences": {
                "type": "object",
                "additionalProperties": object_of(
                    {
                        "member": {"type": "boolean"},
                        "since": {"type": ["integer", "null"]},
                        "until": {
                            "type": ["integer", "null"],
                            "description": "When that changes if no event comes, epoch seconds.",
                        },
                        "clauses": array_of(
                            array_of(
                                object_of(
                                    {
                                        "asks": {"type": "string"},
                                        "wanted": {"type": "boolean"},
                                        "is": {"type": ["boolean", "null"], "description": "Null: not known yet."},
                                        "value": {"description": "What is compared; null where it is not known."},
                                        "until": {"type": ["integer", "null"]},
                                    }
                                )
                            ),
                            description="The ways to belong: all that one of them asks must hold.",
                        ),
                    }
                ),
            },
        }
    ),
    "Audiences": object_of(
        {
            "audience": array_of(
                object_of(
                    {
                        "id": AUDIENCE_ID,
                        "name": {"type": "string"},
                        "purpose": {"enum": ["ads", "content", "analytics"]},
                        "rule": {"type": "object", "description": "See schemas/audiences/v1/schema.json."},
                    },
                    {"minimum_size": {"type": "integer"}, "expires": {"type": ["string", "null"]}},
                ),
                minItems=1,
            )
        }
    ),
    "Audience": object_of(
        {
            "id": AUDIENCE_ID,
            "version": {"type": "integer", "description": "Rises with each change of the definition."},
            "name": {"type": "string"},
            "purpose": {"enum": ["ads", "content", "analytics"]},
            "definition": {"type": "object", "description": "As declared: what `POST /v1/audiences` takes."},
            "size": {"type": "integer", "description": "Members, as counted last."},
            "consented": {"type": "integer", "description": "Of these, members who consent to the purpose."},
            "is_too_small": {"type": "boolean", "description": "Fewer consent than the minimum: nobody is exported."},
            "counted_at": EPOCH,
        }
    ),
    "AudiencePreview": object_of(
        {
            "audience": {"type": "string"},
            "as_of": EPOCH,
            "customers": {"type": "integer"},
            "matched": {"type": "integer"},
            "unknown": {"type": "integer", "description": "Of these customers rows do not know enough yet."},
            "segments": {"type": "object", "additionalProperties": {"type": "integer"}},
            "examples": array_of(
                object_of({"pseudonym": {"type": "string"}, "why": array_of({"type": "object"})}),
                description="Some of them, and what is asked in the part of the rule that holds.",
            ),
        }
    ),
    "AudienceCounts": object_of(
        {
            "id": {"type": "string"},
            "matched": {"type": "integer"},
            "known": {"type": "integer"},
            "consented": {"type": "integer"},
            "exported": {"type": "integer"},
            "dropped": {"type": "object", "additionalProperties": {"type": "integer"}},
            "is_too_small": {"type": "boolean", "description": "Fewer consent than the minimum: nobody is exported."},
            "reachable_share": {"type": "number"},
            "lasting_share": {"type": "number", "description": "Of the matched, those in it for seven days."},
            "median_days": {"type": "integer"},
            "nearest": {"type": ["object", "null"], "description": "The audience that shares most with it."},
        }
    ),
    "AudienceOverlap": object_of(
        {
            "as_of": EPOCH,
            "customers": {"type": "integer"},
            "response": {"type": "string", "description": "What response, and so waste, was measured by."},
            "rows": array_of(
                object_of(
                    {
                        "audience": {"type": "string"},
                        "segmentation": {"type": "string"},
                        "segment": {"type": "string"},
                        "both": {"type": "integer"},
                        "share_of_audience": {"type": "number"},
                        "share_of_segment": {"type": "number"},
                        "lift": {"type": "number"},
                        "missed": {"type": "integer"},
                        "wasted": {"type": "integer"},
                        "response": {"type": "number"},
                    }
                )
            ),
            "audiences": array_of({"type": "object"}),
        }
    ),
    "AudienceMembers": object_of(
        {
            "audience": {"type": "string"},
            "members": array_of(
                object_of({"pseudonym": {"type": "string"}, "since": EPOCH}, {"customer_id": {"type": "string"}})
            ),
            "without_consent": {
                "type": "integer",
                "description": "Members among the same rows who do not consent to the purpose: not listed.",
            },
            "next": {"type": ["string", "null"], "description": "`after` of the next page; null after the last one."},
        }
    ),
}
