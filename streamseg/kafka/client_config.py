"""Translates the Kafka settings into a librdkafka configuration."""

from typing import Any, Final

from confluent_kafka import KafkaError

from streamseg.settings import KafkaSettings

AWAY: Final = frozenset(
    (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._MSG_TIMED_OUT)  # noqa: SLF001  librdkafka's own codes start with an underscore
)
"""Codes of errors that mean that no broker answered."""


def producer_config(kafka: KafkaSettings) -> dict[str, Any]:
    """Return what all producers share: they must choose the partition of a key alike."""
    return {
        **client_config(kafka),
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "message.max.bytes": 2_000_000,
    }


def client_config(kafka: KafkaSettings) -> dict[str, Any]:
    """Return librdkafka's configuration for the brokers' addresses, TLS and login."""
    config: dict[str, Any] = {
        "bootstrap.servers": kafka.bootstrap,
        "security.protocol": kafka.security_protocol,
        "log_level": 2,  # errors are raised; librdkafka would also log them many times a second
    }
    if kafka.security_protocol.startswith("SASL"):
        config["sasl.mechanism"] = kafka.sasl_mechanism
        config["sasl.username"] = kafka.sasl_username or ""
        config["sasl.password"] = kafka.sasl_password.get_secret_value() if kafka.sasl_password else ""
    for name, file in (
        ("ssl.ca.location", kafka.ssl_ca_file),
        ("ssl.certificate.location", kafka.ssl_certificate_file),
        ("ssl.key.location", kafka.ssl_key_file),
    ):
        if file is not None:
            config[name] = str(file)
    return config
