"""Plays an episode: months made of phases. Knows minds by their protocol only."""
