"""Learning by processes: e-prop, by errors of an interval; and the rules of class "pass", exact every `every` ms.

e-prop watches neurons through the engine's watches; the passes see spikes only.  Both change the weights of ordinary
projections; only `weights` knows pools.
"""
