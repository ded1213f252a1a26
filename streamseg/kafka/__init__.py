"""Kafka through librdkafka: topics, records out, and readers beside the workers."""
