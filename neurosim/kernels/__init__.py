"""Compiled loops over arrays.  They know no Network and no Population."""
