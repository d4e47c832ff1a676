"""Published measurements of plasticity, as points with standard errors.

The numbers were compared with two independent public codes each that carry them, not read off a figure here.
"""

import numpy as np

#: Pairs in slices of visual cortex, layer 5 (rat): Sjoestroem, Turrigiano & Nelson (2001) Neuron 32:1149, as tabulated by
#: Pfister & Gerstner (2006).  Change of the weight relative to the weight; 60 pairs in the model of the latter.
SJOSTROM_FREQUENCY = np.array([0.1, 10.0, 20.0, 40.0, 50.0])  # Hz
SJOSTROM = {  # t_post - t_pre (ms): (change, standard error)
    10.0: (np.array([-0.04, 0.14, 0.29, 0.53, 0.56]), np.array([0.05, 0.10, 0.14, 0.11, 0.26])),
    -10.0: (np.array([-0.29, -0.41, -0.34, 0.56, 0.75]), np.array([0.08, 0.11, 0.10, 0.32, 0.19])),
}

#: Triplets and quadruplets in cultures of hippocampal neurons (rat), 60 at 1 Hz: Wang, Gerkin, Nauen & Bi (2005) Nat.
#: Neurosci. 8:187, as tabulated by Pfister & Gerstner (2006).  The two differences are t_post - t_pre (ms) of the first
#: and of the second pair of neighbours.
WANG_PRE_POST_PRE = {
    (5.0, -5.0): (-0.01, 0.04), (10.0, -10.0): (0.03, 0.04), (15.0, -5.0): (0.01, 0.03), (5.0, -15.0): (0.24, 0.06),
}  # fmt: skip
WANG_POST_PRE_POST = {
    (-5.0, 5.0): (0.33, 0.04), (-10.0, 10.0): (0.34, 0.04), (-5.0, 15.0): (0.22, 0.08), (-15.0, 5.0): (0.29, 0.05),
}  # fmt: skip
#: Quadruplets, 5 ms within each pair: interval between the pairs (ms; above 0 the post-pre pair comes first).
WANG_INTERVAL = np.array([-88.5, 20.0, 83.7])
WANG_QUADRUPLET = (np.array([-0.003, 0.21, 0.06]), np.array([0.03, 0.04, 0.04]))
