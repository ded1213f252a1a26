"""River's StandardScaler as the learner uses it: fitted at challenges and fixed in between."""

from collections.abc import Sequence

from river import preprocessing

from streamseg.clustering.encode import Floats, Scale


def measure(logged: Floats, features: Sequence[str], blocks: Sequence[str]) -> Scale:
    """Return the scale that River's scaler learns from log-space rows (n, d); for `blocks` see `Scale.of`."""
    scaler = preprocessing.StandardScaler()
    for row in logged.tolist():
        scaler.learn_one(dict(zip(features, row, strict=True)))
    return Scale.of([scaler.means[name] for name in features], [scaler.vars[name] for name in features], blocks)


def fixed(scale: Scale, features: Sequence[str]) -> preprocessing.StandardScaler:
    """Return a scaler of River's that applies `scale`. The caller must not let it learn."""
    scaler = preprocessing.StandardScaler()
    scaler.counts.update(dict.fromkeys(features, 1))
    scaler.means.update(zip(features, scale.mean, strict=True))
    scaler.vars.update(zip(features, scale.variance, strict=True))
    return scaler
