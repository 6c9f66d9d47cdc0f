"""Studies: plan, remaining work and execution of many runs."""
