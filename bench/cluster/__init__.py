"""What it costs to read a cluster: its own program, `python -m bench.cluster`."""
