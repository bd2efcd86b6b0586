"""The mesh in a cluster: kind, or whatever KUBECONFIG names."""
