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
    MetricSpec(
        "learned_until",
        "streamseg_model_learned_until_timestamp_seconds",
        "gauge",
        "Time of the latest sample that the model in use has learned, epoch seconds of event time",
        ("segmentation",),
    ),
    MetricSpec(
        "warm_up",
        "streamseg_model_warm_up_ratio",
        "gauge",
        "Progress towards the first model, 0 to 1; 1 once there are segments",
        ("segmentation",),
    ),
    MetricSpec(
        "distance",
        "streamseg_model_distance",
        "gauge",
        "Mean scaled distance of samples to their centre, in the latest full interval of the drift detector",
        ("segmentation",),
    ),
    MetricSpec(
        "drift",
        "streamseg_model_drift_ratio",
        "gauge",
        "How far customers move in a round of learning: squared, as a share of the variance in the segments",
        ("segmentation",),
    ),
    MetricSpec(
        "renamed",
        "streamseg_model_renamed_ratio",
        "gauge",
        "Share of the sampled customers who got another segment id by the latest challenge",
        ("segmentation",),
    ),
    MetricSpec(
        "transitions",
        "streamseg_model_transitions_total",
        "counter",
        "Segments that challenges let survive, split, be absorbed, disappear or emerge",
        ("segmentation", "transition"),
    ),
)
