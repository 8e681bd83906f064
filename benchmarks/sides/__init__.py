"""What is measured, one module for each side; each run is a process of its own that prints its samples as JSON.

The modules of the peers run in the peers' own environment: they import nothing of flowerpower.
"""
