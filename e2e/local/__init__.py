"""The mesh on this machine: real pods, in either mode of the local runner."""
