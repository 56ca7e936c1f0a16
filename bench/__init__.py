"""``make bench``: how fast and how light, in one run on one machine, beside floors and, where installed, beside etcd.

Machines differ and are noisy, so what counts are the ratios. Nothing here passes or fails but by the printed budgets.
"""
