"""Exact greedy k-center over shards: each keeps some of the candidates, and all together give the picks of one."""
