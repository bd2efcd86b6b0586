"""Where objects come from: a folder of YAML now, a Kubernetes API server next. All give the same
events.
"""
