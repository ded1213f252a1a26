"""Build what explains the segments of a customer: the same for the API, the console and the command line."""

from streamseg.kafka.partitioner import partition_of
from streamseg.ports import ModelStore, StateStore
from streamseg.service.explainer import Explainer
from streamseg.wiring.declared_audiences import rules_to_explain
from streamseg.wiring.derived import Derived


def explainer(state: StateStore, models: ModelStore, derived: Derived) -> Explainer:
    """Return the explainer of found segments and of declared ones."""
    return Explainer(
        state,
        models,
        lambda: derived.layout,
        partition_of,
        lambda: derived.populations,
        rules=rules_to_explain(derived.layout, derived.declared, derived.segmentations),
    )
