"""The simulated camera's world: its options, scenes, lens and sensor."""
