"""All settings, parsed once at the start of a process.

Precedence, highest first: command line, environment, secrets files, TOML file, defaults. The environment variable of a
setting is `STREAMSEG_` plus its path joined by `__`: `STREAMSEG_KAFKA__BOOTSTRAP`. Unknown names are refused.
"""

from streamseg.settings.audience_tables import AudienceSettings
from streamseg.settings.loading import Settings, load_settings
from streamseg.settings.process_tables import ApiSettings, ConsoleSettings, WorkerSettings
from streamseg.settings.segment_tables import (
    BEHAVIOUR,
    AttributeSettings,
    FeatureSettings,
    MembershipSettings,
    MoneySettings,
    SegmentationSettings,
)
from streamseg.settings.server_tables import KafkaSettings, RedisSettings

__all__ = [
    "BEHAVIOUR",
    "ApiSettings",
    "AttributeSettings",
    "AudienceSettings",
    "ConsoleSettings",
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
