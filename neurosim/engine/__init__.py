"""What a network is made of inside: blocks of neurons, pools of synapses, the compiled driver."""
