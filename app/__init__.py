"""GovSim Observatory: launch, watch, inspect, compare and share GovSim episodes."""

__version__ = "0.1.0"
