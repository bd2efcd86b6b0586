"""Live proxies: how they are reached, what they hold, and what they are to hold."""
