"""The parts of the rig that need no machine to itself. `python3 -m unittest` in benches/rig runs them."""
