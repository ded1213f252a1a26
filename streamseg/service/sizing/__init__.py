"""What a number of customers and events needs, from measured figures: partitions, workers, shards, cost."""
