"""READ FIRST: the path of an event, as a few plain functions.

    a run of records --take--> events | rejected --absorb--> rows --look--> segments --publish--> outbox entries
                                                               `--sample--> feature vectors for the trainer

No I/O and no clock in here: the edges (streamseg/stream) load the rows, call these in order, and write what comes out.
`stream/keeper.py` is where they are called.
"""

from streamseg.features.rows import Slots
from streamseg.pipeline.intake import Taken, absorb, take
from streamseg.pipeline.looking import Looked, count_sizes, look
from streamseg.pipeline.publishing import PublishingRules, publish
from streamseg.pipeline.sampling import SampleRecord, SampleValue, sample, sample_key
from streamseg.pipeline.segmentation import Segmentation, has_behaviour, has_grounds, is_known

__all__ = [
    "Looked",
    "PublishingRules",
    "SampleRecord",
    "SampleValue",
    "Segmentation",
    "Slots",
    "Taken",
    "absorb",
    "count_sizes",
    "has_behaviour",
    "has_grounds",
    "is_known",
    "look",
    "publish",
    "sample",
    "sample_key",
    "take",
]
