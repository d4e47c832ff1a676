"""Neuron models: frozen descriptions with their equations, integrated by generated loops."""
