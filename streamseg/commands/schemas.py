"""`streamseg schemas`: keep the schema files of topics, audiences and declared segmentations equal to the code."""

import json
from pathlib import Path
from typing import Any

import click

from streamseg.commands._options import json_option


@click.command("schemas")
@click.option(
    "--check/--write", "check", default=True, help="Compare the files with the code (default), or write them."
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default="schemas",
    show_default=True,
    help="Folder of the schema files.",
)
@json_option
@click.pass_context
def command(ctx: click.Context, check: bool, folder: Path, as_json: bool) -> None:
    """Write or check the schema files of the topics, of audiences and of declared segmentations.

    The check prints one line per file that differs; exit code 1.
    """
    changed = {path: text for path, text in schema_files(folder).items() if _read(path) != text}
    if not check:
        for path, text in changed.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if as_json:
        click.echo(json.dumps({"drifted" if check else "written": [str(path) for path in changed]}))
    else:
        for path in changed:
            click.echo(
                f"{path}: differs from the code, run `streamseg schemas --write`" if check else f"{path}: written"
            )
    ctx.exit(1 if check and changed else 0)


def schema_files(folder: Path) -> dict[Path, str]:
    """The content of each schema file, by path."""
    from streamseg.audiences.definition import definitions_schema
    from streamseg.audiences.segment_rules import segment_rules_schema

    schemas = {**topic_schemas(), "audiences": definitions_schema(), "segment-rules": segment_rules_schema()}
    return {
        folder / name / "v1" / "schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in schemas.items()
    }


def topic_schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema of the values of each public topic with JSON values, by topic."""
    from streamseg.events.schema import event_schemas
    from streamseg.membership.contract import history_schema, membership_schema
    from streamseg.topics import HISTORY, INPUT_TOPICS, MEMBERSHIPS

    events = dict(zip(INPUT_TOPICS, event_schemas(), strict=True))
    return {**events, MEMBERSHIPS: membership_schema(), HISTORY: history_schema()}


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
