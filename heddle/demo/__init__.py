"""The demo: the programs that run in the example's pods, the load, the statistics of the split and
the live view."""
