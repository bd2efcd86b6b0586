"""What runs in the pods of the tests. Each file is a program of its own, started by its path."""
