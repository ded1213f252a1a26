"""One worker process: its partitions, its models, and its clock."""
