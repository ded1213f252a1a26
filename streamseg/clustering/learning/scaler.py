"""River's StandardScaler as the learner uses it: measured at challenges, and standing still in between."""

from collections.abc import Sequence

from river import preprocessing

from streamseg.clustering.encode import Floats, Scale


def measure(logged: Floats, features: Sequence[str], blocks: Sequence[str]) -> Scale:
    """The scale that River learns from rows (n, d) in log space, each once; for `blocks` see `Scale.of`."""
    scaler = preprocessing.StandardScaler()
    for row in logged.tolist():
        scaler.learn_one(dict(zip(features, row, strict=True)))
    return Scale.of([scaler.means[name] for name in features], [scaler.vars[name] for name in features], blocks)


def standing(scale: Scale, features: Sequence[str]) -> preprocessing.StandardScaler:
    """A scaler of River's that scales by this, and is never taught."""
    scaler = preprocessing.StandardScaler()
    scaler.counts.update(dict.fromkeys(features, 1))
    scaler.means.update(zip(features, scale.mean, strict=True))
    scaler.vars.update(zip(features, scale.variance, strict=True))
    return scaler
