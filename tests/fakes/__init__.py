"""Working fakes of our ports; there is no `mock.patch` in this project."""
