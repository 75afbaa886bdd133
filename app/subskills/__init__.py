"""The reasoning tests of GovSim, section 8."""
