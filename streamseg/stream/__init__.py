"""The edge in: Faust, the partitions of a worker, the trainer role, and what goes out to Kafka."""
