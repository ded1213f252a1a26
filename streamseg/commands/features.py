"""`streamseg features`: list every feature with its meaning, unit and default."""

import json
import math
from typing import Any

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option
from streamseg.commands._text import say


@click.command("features")
@click.argument("part", required=False)
@json_option
@click.pass_obj
def command(invocation: Invocation, part: str | None, as_json: bool) -> None:
    """List all features with unit, default and meaning, or those whose name contains PART.

    The default is the value of a customer without any data; "the mean" (null in JSON) is that of the other customers.
    Categories, attributes and brand groups of the settings have features of their own. Use the names in the setting
    `segmentations.NAME.features`.
    """
    listed = [one for one in _listed(invocation) if part is None or part in one["name"]]
    if as_json:
        click.echo(json.dumps({"features": listed}))
        return
    for one in listed:
        default = "the mean" if one["default"] is None else f"{one['default']:.4g}"
        say(f"{one['name']} = {default}  ({one['unit']})")
        used = f"; used by {', '.join(one['used_by'])}" if one["used_by"] else ""
        say(f"    {one['meaning']}{used}", indent="    ")
    if not listed:
        click.echo(f"no feature has {part} in its name")


def _listed(invocation: Invocation) -> list[dict[str, Any]]:
    """Return all features of the settings in the order of the catalogue."""
    import numpy as np

    from streamseg.features.rows import Rows
    from streamseg.features.vector import vectors
    from streamseg.wiring.derived import derive

    derived = derive(invocation.settings)
    rows = Rows(derived.layout, 1)
    defaults = vectors(rows, rows.load([""], [None]), np.float64(0.0), list(derived.features))[0]
    used_by = {
        name: [each for each in invocation.settings.segmentations if name in derived.segmentation(each).features]
        for name in derived.features
    }
    return [
        {
            "name": name,
            "unit": one.unit,
            "default": None if math.isnan(default) else default,
            "meaning": one.meaning,
            "logarithmic": one.skewed,
            "used_by": used_by[name],
        }
        for (name, one), default in zip(derived.features.items(), defaults.tolist(), strict=True)
    ]
