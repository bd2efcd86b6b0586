"""Tests of `heddle/local/`."""
