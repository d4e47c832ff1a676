"""Makes `izhikevich_nest.npz` beside this file: spikes of NEST's `izhikevich` for four kinds of neuron.

Run it with an interpreter that has NEST 3.10: ``python tests/goldens/make_izhikevich_nest.py``.  dt 0.1 ms, I_e 10, v -65,
u = -65 b, two inputs of 3 mV stamped 20.0 and 30.5 ms over a delay of one step, forward Euler (consistent_integration).

step : int32[spikes], stamp in steps (end of the step, as in neurosim); neuron : int8[spikes]; time : ms
"""

from pathlib import Path

import nest
import numpy as np

KINDS = [(0.02, 0.2, -65.0, 8.0), (0.02, 0.2, -50.0, 2.0), (0.1, 0.2, -65.0, 2.0), (0.1, 0.26, -65.0, 2.0)]
TIME = 400.0

nest.set_verbosity("M_ERROR")
nest.ResetKernel()
nest.resolution = 0.1
neurons = nest.Create("izhikevich", 4)
for neuron, (a, b, c, d) in zip(neurons, KINDS, strict=True):
    neuron.set(a=a, b=b, c=c, d=d, V_th=30.0, I_e=10.0, V_m=-65.0, U_m=-65.0 * b, consistent_integration=True)
generator = nest.Create("spike_generator", params={"spike_times": [20.0, 30.5]})
nest.Connect(generator, neurons, syn_spec={"weight": 3.0, "delay": 0.1})
recorder = nest.Create("spike_recorder")
nest.Connect(neurons, recorder)
nest.Simulate(TIME + 0.1)
events = recorder.events
step = np.rint(events["times"] * 10).astype(np.int32)
neuron = (events["senders"] - neurons[0].global_id).astype(np.int8)
keep = step <= TIME * 10
order = np.lexsort((neuron[keep], step[keep]))
np.savez_compressed(
    Path(__file__).parent / "izhikevich_nest.npz", step=step[keep][order], neuron=neuron[keep][order], time=TIME
)
