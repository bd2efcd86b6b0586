"""Against a real kube-apiserver: `make test-kube`. Skipped, and said so, where there is none."""
