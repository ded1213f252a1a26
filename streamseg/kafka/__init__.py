"""Kafka through librdkafka: topic administration, producing, and reading outside the workers' consumer group."""
