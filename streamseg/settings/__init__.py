"""All settings, parsed once at the start of a process.

Precedence, highest first: command line, environment, secrets files, TOML file, defaults. The environment variable of a
setting is `STREAMSEG_` plus its path joined by `__`: `STREAMSEG_KAFKA__BOOTSTRAP`. Unknown names are refused.
"""

from streamseg.settings.loading import Settings, load_settings
from streamseg.settings.tables import (
    BEHAVIOUR,
    ApiSettings,
    AttributeSettings,
    FeatureSettings,
    KafkaSettings,
    MembershipSettings,
    MoneySettings,
    RedisSettings,
    SegmentationSettings,
    WorkerSettings,
)

__all__ = [
    "BEHAVIOUR",
    "ApiSettings",
    "AttributeSettings",
    "FeatureSettings",
    "KafkaSettings",
    "MembershipSettings",
    "MoneySettings",
    "RedisSettings",
    "SegmentationSettings",
    "Settings",
    "WorkerSettings",
    "load_settings",
]
