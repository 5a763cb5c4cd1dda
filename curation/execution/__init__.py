"""Where work is done: on this machine, or on the nodes of a cluster. Without influence on what comes out."""
