"""The operations on audiences in the OpenAPI document."""

from typing import Final

from streamseg.api.openapi.components import AUDIENCE_ID, Schema, array_of, object_of, ref
from streamseg.api.openapi.operations import BAD_BODY, FRESH, IF_NONE_MATCH, UNCHANGED, answer, operation, problem

_AUDIENCE: Final[Schema] = {"name": "id", "in": "path", "required": True, "schema": AUDIENCE_ID}
_AFTER: Final[Schema] = {
    "name": "after",
    "in": "query",
    "schema": {"type": "string", "pattern": r"^[0-9]{1,6}\.[0-9]{1,20}$"},
    "description": "`next` of the page before.",
}
_NOT_FOUND: Final[Schema] = {"404": problem("There is no such audience.")}
_CHANGED: Final[Schema] = object_of(
    {
        "audiences": array_of(
            object_of(
                {"id": {"type": "string"}, "version": {"type": "integer"}, "changed": {"type": "boolean"}},
            )
        )
    }
)
_REFUSED: Final[Schema] = {"409": problem("The id was dropped before, or there is no room for more audiences.")}
_COUNTED: Final[Schema] = object_of({"as_of": {"type": "integer"}, "audiences": array_of(ref("AudienceCounts"))})

PATHS: Final[dict[str, Schema]] = {
    "/v1/audiences": {
        "get": operation(
            "listAudiences",
            "All audiences: definitions, versions, and sizes as counted last. Scope audiences:read.",
            {
                "200": answer(
                    object_of({"generation": {"type": "integer"}, "audiences": array_of(ref("Audience"))}),
                    headers=FRESH,
                )
            }
            | UNCHANGED,
            parameters=[IF_NONE_MATCH],
        ),
        "post": operation(
            "declareAudiences",
            "Declare audiences, or change those with these ids. Scope audiences:write.",
            {"200": answer(_CHANGED, headers=FRESH)} | BAD_BODY | _REFUSED,
            body=ref("Audiences"),
        ),
    },
    "/v1/audiences:preview": {
        "post": operation(
            "previewAudiences",
            "Who would belong to these audiences, from all rows; declares nothing. Scope audiences:write.",
            {"200": answer(object_of({"audiences": array_of(ref("AudiencePreview"))}), headers=FRESH)}
            | BAD_BODY
            | _REFUSED,
            body=ref("Audiences"),
        )
    },
    "/v1/audiences:counts": {
        "get": operation(
            "countAudiences",
            "Counts and viability of all audiences, from all rows, kept for five seconds. Scope audiences:read.",
            {"200": answer(_COUNTED, headers=FRESH)} | UNCHANGED,
            parameters=[IF_NONE_MATCH],
        )
    },
    "/v1/audiences:overlap": {
        "get": operation(
            "compareAudiences",
            "Every audience against every segment, from all rows, kept for five seconds. Scope audiences:read.",
            {"200": answer(ref("AudienceOverlap"), headers=FRESH)} | UNCHANGED,
            parameters=[IF_NONE_MATCH],
        )
    },
    "/v1/audiences/{id}": {
        "get": operation(
            "getAudience",
            "One audience. Scope audiences:read.",
            {"200": answer(ref("Audience"), headers=FRESH)} | UNCHANGED | _NOT_FOUND,
            parameters=[_AUDIENCE, IF_NONE_MATCH],
        ),
        "delete": operation(
            "dropAudience",
            "Drop an audience for good: everybody leaves it, and its id does not come back. Scope audiences:write.",
            {"200": answer(object_of({"dropped": {"type": "string"}}), headers=FRESH)} | _NOT_FOUND,
            parameters=[_AUDIENCE],
        ),
    },
    "/v1/audiences/{id}/members": {
        "get": operation(
            "listAudienceMembers",
            "Some members who consent to the purpose, as pseudonyms; with the scope audiences:members also their ids."
            " A page may be empty: follow `next`. Scope audiences:read.",
            {"200": answer(ref("AudienceMembers"), headers=FRESH), "422": BAD_BODY["422"]} | UNCHANGED | _NOT_FOUND,
            parameters=[_AUDIENCE, _AFTER, IF_NONE_MATCH],
        )
    },
}
