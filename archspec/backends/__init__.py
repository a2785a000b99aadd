"""What a graph becomes: one module for each kind, a rule per op and `emit`."""
