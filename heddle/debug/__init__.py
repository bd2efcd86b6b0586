"""What the control plane shows of itself and of its proxies, over HTTP, to who may see it."""
