"""The engine's version: raised whenever the same configuration, seed and completions give different events."""

ENGINE_VERSION = "1"
