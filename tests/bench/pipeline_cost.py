"""CPU time per event of each stage of the pipeline, without Kafka and Redis.

Run `python -m tests.bench.pipeline_cost`. It prints microseconds per event. With `--declared`, status and phase of the
journey are decided too, with `--audiences` so many audiences, by `rules`; `--run 1` shows what is fixed.
"""

import argparse
import gc
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from streamseg import pipeline
from streamseg.clustering.assign import Assigner
from streamseg.clustering.learning.learner import Learner
from streamseg.clustering.sample import Sample
from streamseg.events.record import MemoryRecord, RecordBatch
from streamseg.features.rows import Rows
from streamseg.features.vector import vectors
from streamseg.membership.types import Consent
from streamseg.settings import BEHAVIOUR, AudienceSettings, SegmentationSettings, Settings
from streamseg.topics import CLICKS
from streamseg.wiring.declared_audiences import live_audiences
from streamseg.wiring.derived import derive
from streamseg.worker.process import YOUNG_OBJECTS
from tests.bench.audience_rules import TRACKED, declared
from tests.bench.click_load import Load

RUN: Final = 4_000
"""Records of one partition that one poll returns under a backlog."""
LEARNED: Final = 2_000
"""Customers that the model is learned from."""


def runs_of(load: Load, size: int) -> list[RecordBatch]:
    """The load as runs of one partition, `size` records each."""
    now = time.time()
    records = [
        MemoryRecord(CLICKS, 0, offset, int(now * 1000), key, value)
        for offset, (key, value) in enumerate(load.records(now))
    ]
    return [
        RecordBatch.of(CLICKS, 0, 0, n, records[at : at + size]) for n, at in enumerate(range(0, len(records), size))
    ]


def model(settings: Settings, runs: Sequence[RecordBatch]) -> Assigner:
    """A model learned from the customers of the load."""
    rows = Rows(derive(settings).layout)
    decoder = derive(settings).decoder
    for run in runs:
        if len(rows) >= LEARNED:
            break
        taken = pipeline.take(decoder, 0, run, rows, lambda _: ())
        rows.load(taken.missing, [None] * len(taken.missing))
        pipeline.absorb(rows, 0, taken, derive(settings).money)
    (params,) = derive(settings).learner_params
    learner = Learner(replace(params, warm_up_events=1))
    values = vectors(rows, np.arange(min(LEARNED, len(rows))), time.time(), params.features)
    for offset, vector in enumerate(values.tolist()):
        learner.learn(Sample(rows.customer_ids[offset], time.time(), tuple(vector), 1), offset)
        if learner.challenge_due():
            learner.challenge()
    return Assigner(learner.snapshot())


def measure(load: Load, settings: Settings, run_size: int, audiences: int) -> dict[str, float]:
    """CPU seconds per event by stage: the median over the runs."""
    runs, derived = runs_of(load, run_size), derive(settings)
    learned = pipeline.Segmentation(
        "behaviour", BEHAVIOUR.features, BEHAVIOUR.margin, BEHAVIOUR.looks, 86_400.0, model(settings, runs), 1
    )
    segmentations = [learned, *(one for one in derived.segmentations if one.declared)]
    rules_of = live_audiences(derived.layout, declared(audiences), segmentations=derived.declared)[0]
    live = rules_of if derived.declared or audiences else None
    rules = pipeline.PublishingRules(86_400.0, 30 * 86_400.0, Consent(ads=False, personalisation=True))
    models = pipeline.Models(segmentations, live, rules)
    rows, decoder, money = Rows(derive(settings).layout), derive(settings).decoder, derive(settings).money
    slab, part = Rows(derived.layout), pipeline.Part(0, epoch=1)
    spent: defaultdict[str, list[float]] = defaultdict(list)
    began, sizes = 0.0, dict[str, int]()

    def lap(stage: str) -> None:
        nonlocal began
        spent[stage].append((ended := time.process_time()) - began)
        began = ended

    for run in runs:
        began = time.process_time()
        taken = pipeline.take(decoder, 0, run, rows, lambda _: ())
        lap("take")
        rows.load(taken.missing, [None] * len(taken.missing))
        lap("load")
        given = pipeline.PartitionRuns(rows, [pipeline.TakenRun(0, taken)], part, {})
        cycle = pipeline.Cycle([given], slab)
        cycle.absorb(money, models, 0.0)
        lap("absorb")
        (decision,) = cycle.decide(models, now=time.time(), earliest=0.0, wall_now=time.time())
        lap("decide")
        if decision.audiences is not None:
            sizes = pipeline.count_audiences(decision.audiences, sizes)
            decision.audiences.schedule(rows, given.slots)
            lap("count")
        rows.dump(given.slots)
        lap("dump")
        spent["rows touched"].append(len(given.slots))
    return {stage: statistics.median(costs) / run_size for stage, costs in spent.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=250_000, help="events of the partition")
    parser.add_argument("--run", type=int, default=RUN, help="records per poll")
    parser.add_argument("--customers", type=int, default=50_000, help="customers of the partition")
    parser.add_argument("--declared", action="store_true", help="decide status and phase of the journey too")
    parser.add_argument("--audiences", type=int, default=0, help="decide so many audiences too")
    given = parser.parse_args()
    packs = ("behaviour", "status", "journey") if given.declared else ("behaviour",)
    settings = Settings(
        segmentations={name: SegmentationSettings(pack=name) for name in packs},
        # Rows keep among those of the audiences when a rule of the journey ends.
        audiences=AudienceSettings(
            most=max(given.audiences, int(given.declared)), tracked=TRACKED if given.audiences else {}
        ),
    )
    gc.set_threshold(YOUNG_OBJECTS)
    for skewed in (True, False):
        load = Load("skewed" if skewed else "flat", given.events, given.customers, skewed)
        spent = measure(load, settings, given.run, given.audiences)
        touched = spent.pop("rows touched")
        micros = {stage: seconds * 1e6 for stage, seconds in spent.items()}
        line = "  ".join(f"{stage} {cost:.2f}" for stage, cost in micros.items())
        sys.stdout.write(f"{load.name:7} {line}  all {sum(micros.values()):.2f}  ({touched:.2f} rows per event)\n")


if __name__ == "__main__":
    main()
