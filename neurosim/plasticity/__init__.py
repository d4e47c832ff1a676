"""Descriptions of plasticity rules: frozen, without arrays.  A rule states how it is evaluated."""
