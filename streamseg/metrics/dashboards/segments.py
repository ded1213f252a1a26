"""Sizes over time, moves, drift; births and ends of segments are marked."""

from typing import Final

from streamseg.metrics.dashboards.board import FIRING, Dashboard, Mark, Panel
from streamseg.metrics.dashboards.query import SPECS, gauge, increase, rate

CHOSEN: Final = {"segmentation": "$segmentation"}
_MEMBERS: Final = 'segmentation_segment:streamseg_membership_members:sum{segmentation=~"$segmentation"}'


def _marked(title: str, transitions: str, colour: str) -> Mark:
    chosen = {"transition": transitions, **CHOSEN}
    return Mark(title, f"{increase('transitions', '2m', 'segmentation', where=chosen)} > 0", "{{segmentation}}", colour)


SEGMENTS: Final = Dashboard(
    "segments",
    "Segments",
    (
        Panel("Members", "Customers by segment.", [(_MEMBERS, "{{segment}}")], stacked=True, width=12),
        Panel(
            "Share",
            "Share of the segmentation's customers, by segment.",
            [(f"{_MEMBERS} / on (segmentation) group_left () sum by (segmentation) ({_MEMBERS})", "{{segment}}")],
            "percentunit",
            width=12,
        ),
        Panel(
            "Entered and exited",
            "Changes that were decided.",
            [(rate("moves", "segmentation", "change", where=CHOSEN), "{{segmentation}} {{change}}")],
            "ops",
        ),
        Panel(
            "Volatility",
            "Entries and exits of a day as a share of the members.",
            [
                (
                    'segmentation:streamseg_membership_volatility:ratio_1d{segmentation=~"$segmentation"}',
                    "{{segmentation}}",
                )
            ],
            "percentunit",
        ),
        Panel("Expired", "Customers who left by silence, in an hour.", [(increase("departures", "1h"), "expired")]),
        Panel(
            "Distance to the centre",
            "Mean scaled distance of samples to their centre. A rise: customers leave what the model knows.",
            [(gauge("distance", "segmentation", where=CHOSEN), "{{segmentation}}")],
        ),
        Panel(
            "Drift",
            "How far customers move in a round of learning: squared, as a share of the variance in the segments.",
            [(gauge("drift", "segmentation", where=CHOSEN), "{{segmentation}}")],
            "percentunit",
        ),
        Panel(
            "Inertia",
            "Sum of squared scaled distances of the sample, of the winner of the last challenge.",
            [(gauge("inertia", "segmentation", where=CHOSEN), "{{segmentation}}")],
        ),
        Panel(
            "Renamed",
            "Share of the sampled customers who got another segment id by the last challenge.",
            [(gauge("renamed", "segmentation", where=CHOSEN), "{{segmentation}}")],
            "percentunit",
        ),
        Panel(
            "Challenges",
            "Fresh fits compared with the running model, in a day, by outcome.",
            [
                (
                    increase("challenges", "1d", "segmentation", "outcome", where=CHOSEN),
                    "{{segmentation}} {{outcome}}",
                )
            ],
        ),
        Panel(
            "Transitions",
            "What became of segments, in a day.",
            [
                (
                    increase("transitions", "1d", "segmentation", "transition", where=CHOSEN),
                    "{{segmentation}} {{transition}}",
                )
            ],
        ),
        Panel(
            "Warm-up",
            "Progress towards the first model; 100 % once there are segments.",
            [(gauge("warm_up", "segmentation", fold="min", where=CHOSEN), "{{segmentation}}")],
            "percentunit",
        ),
        Panel(
            "Model version",
            "In use: the newest, and the oldest of any worker.",
            [
                (gauge("model_version", "segmentation", where=CHOSEN), "{{segmentation}} newest"),
                (gauge("model_version", "segmentation", fold="min", where=CHOSEN), "{{segmentation}} oldest"),
            ],
        ),
        Panel(
            "Samples learned",
            "By the published model.",
            [(gauge("learned", "segmentation", where=CHOSEN), "{{segmentation}}")],
        ),
        Panel(
            "Learned until",
            "How long ago the latest learned sample was (wall clock).",
            [(f"time() - {gauge('learned_until', 'segmentation', where=CHOSEN)}", "{{segmentation}}")],
            "s",
        ),
    ),
    marks=(FIRING, _marked("Births", "emerge|split", "green"), _marked("Ends", "absorbed|disappear", "orange")),
    choices=(("segmentation", SPECS["model_version"].name),),
)
