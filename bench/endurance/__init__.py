"""Long runs against one instance: overload, big bodies, slow clients, and a soak with a killer. `make endurance`."""
