"""Metrics of the models: versions, learning, challenges."""

from typing import Final

from streamseg.metrics.spec import MetricSpec

MODEL: Final = (
    MetricSpec(
        "model_version", "streamseg_model_version", "gauge", "Model version in use by this worker", ("segmentation",)
    ),
    MetricSpec(
        "learned",
        "streamseg_model_learned_samples",
        "gauge",
        "Samples learned by the published model",
        ("segmentation",),
    ),
    MetricSpec(
        "challenges",
        "streamseg_model_challenges_total",
        "counter",
        "Challenges: fresh fits compared with the running model",
        ("segmentation", "outcome"),
    ),
    MetricSpec(
        "inertia",
        "streamseg_model_inertia",
        "gauge",
        "Sum of squared scaled distances of the sample to the centres of the winner of the last challenge",
        ("segmentation",),
    ),
)
