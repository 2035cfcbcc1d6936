"""Long runs against one instance: overload, big bodies, slow clients, lost ports, a soak with a killer."""
