"""The pure game: configuration, dynamics, allocation, questions, events, metrics and the Mind protocols.

Nothing here knows a language model, a database, the web, or any clock but the simulated one.
"""
