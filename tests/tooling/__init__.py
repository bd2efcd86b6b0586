"""Tests of the project's own tools and files, not of the product."""
