"""Measured networks that ship with neurosim, each with its source, its licence and tests of its published counts."""

from neurosim.datasets.celegans import AgeCounts, CelegansDevelopment, Cells, Connections, celegans_development

__all__ = ["AgeCounts", "CelegansDevelopment", "Cells", "Connections", "celegans_development"]
