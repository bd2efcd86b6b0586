"""Tests of `ca/`."""
