"""All tests; a package so that `tests.fakes` and friends have one unambiguous name."""
