"""Custom models written in Brian2's equation language: neurons (`model.py`) and synapses (`synapses.py`)."""
