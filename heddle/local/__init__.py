"""A mesh on one machine: what Kubernetes does with a folder of YAML, done with local processes."""
