"""Commands of the command line that ask a mesh which runs, and what all of them share."""
