"""Which customers are alike: learned from samples, assigned by compiled snapshots, in segments that keep ids."""
