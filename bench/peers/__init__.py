"""Other control planes, measured on the same machine with the same resources."""
