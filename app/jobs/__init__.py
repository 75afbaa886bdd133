"""Background work: the worker, the queue, run states, and what puts a run together."""
