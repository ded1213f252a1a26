"""START HERE: the path of an event, as a few plain functions without I/O or clock.

A partition (`worker/partition/state.py`) takes its runs, loads rows and writes the results. From absorb to publish,
partitions that have few events share a cycle (`worker/shared_cycle.py`, `pipeline/cycle.py`):

    a run of records                             one poll of one topic partition: events.record.RecordBatch
      |  take      pipeline/intake.py            decode and reject (events/decode.py), find misrouted keys
      v
    events, rejected records                     rejected -> streamseg.dead-letters
      |  absorb    pipeline/intake.py            skip replayed and duplicate events, add the rest to the sums
      |                                          (features/update.py); tick by tick if a customer's events are of
      v                                          several ticks: absorb_runs in pipeline/ticks.py
    rows                                         one per customer, in memory: features/rows.py
      |  look      pipeline/looking.py           feature vectors (features/vector.py), nearest segment
      |                                          (clustering/assign.py), settle (membership/settle.py); then
      |                                          pipeline/audiences.py: rules decide audiences (audiences/compiled.py)
      |  sample    pipeline/sampling.py          vectors to learn from -> streamseg.samples -> worker/trainer/
      v
    settled segments                             stored in the rows; count_sizes adds up members per segment
      |  publish   pipeline/publishing.py        membership strings and changes (membership/encoding.py)
      v
    outbox entries                               from look to here it is one call, `decide` (pipeline/deciding.py);
                                                 flushed together with the rows, then delivered to Redis and to
                                                 streamseg.memberships by worker/partition/outbox_relay.py

`pipeline/segmentation.py` has what the path knows of a segmentation: features, rules, current model. The path runs for
every run of records; the sweep (`worker/partition/sweep.py`) repeats it from `look` on for customers without events,
removes those that have expired (`pipeline/expiry.py`), and closes backfills (`pipeline/backfill.py`).
"""

from streamseg.features.rows import Slots
from streamseg.pipeline.audience_sizes import (
    CONSENTED,
    SIZE_PREFIX,
    count_audiences,
    sizes_held,
    sizes_of,
    split_sizes,
)
from streamseg.pipeline.audiences import AudiencesLook, leave_all, look_at_audiences, moved_by
from streamseg.pipeline.backfill import CLOCK, IN_STEP, BackfillEnd, Step, SweepKind, end_key, is_end, is_in_step
from streamseg.pipeline.consents import NOTHING_SAID, consents
from streamseg.pipeline.cycle import Cycle, PartitionRuns
from streamseg.pipeline.deciding import Decision, Models, Since, decide, first_event
from streamseg.pipeline.expiry import exit_entries, is_expired
from streamseg.pipeline.intake import Taken, absorb, take
from streamseg.pipeline.likeness import LearnedLikeness, SeedsLook, look_at_seeds
from streamseg.pipeline.live_audiences import LiveAudiences, belonged
from streamseg.pipeline.looking import Looked, count_sizes, look
from streamseg.pipeline.parts import Part
from streamseg.pipeline.publishing import PublishingRules, publish
from streamseg.pipeline.sampling import (
    SAMPLE_EPOCH_HEADER,
    SampleRecord,
    SampleValue,
    may_learn,
    sample,
    sample_key,
    sampled,
    withdrawn_samples,
)
from streamseg.pipeline.segmentation import Segmentation, figures, has_behaviour, is_assignable, is_known, is_outside
from streamseg.pipeline.ticks import AbsorbedRuns, TakenRun, absorb_runs

__all__ = [
    "CLOCK",
    "CONSENTED",
    "IN_STEP",
    "NOTHING_SAID",
    "SAMPLE_EPOCH_HEADER",
    "SIZE_PREFIX",
    "AbsorbedRuns",
    "AudiencesLook",
    "BackfillEnd",
    "Cycle",
    "Decision",
    "LearnedLikeness",
    "LiveAudiences",
    "Looked",
    "Models",
    "Part",
    "PartitionRuns",
    "PublishingRules",
    "SampleRecord",
    "SampleValue",
    "SeedsLook",
    "Segmentation",
    "Since",
    "Slots",
    "Step",
    "SweepKind",
    "Taken",
    "TakenRun",
    "absorb",
    "absorb_runs",
    "belonged",
    "consents",
    "count_audiences",
    "count_sizes",
    "decide",
    "end_key",
    "exit_entries",
    "figures",
    "first_event",
    "has_behaviour",
    "is_assignable",
    "is_end",
    "is_expired",
    "is_in_step",
    "is_known",
    "is_outside",
    "leave_all",
    "look",
    "look_at_audiences",
    "look_at_seeds",
    "may_learn",
    "moved_by",
    "publish",
    "sample",
    "sample_key",
    "sampled",
    "sizes_held",
    "sizes_of",
    "split_sizes",
    "take",
    "withdrawn_samples",
]
