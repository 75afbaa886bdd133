"""Minds: scripted policies, the generative mind, and the framework that reads the talk."""
