"""What users ask at the port of the proxies, over xDS."""
