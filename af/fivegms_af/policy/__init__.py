"""QoS: what providers allow, what UEs ask for, what the network grants, where it falls short."""
