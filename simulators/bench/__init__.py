"""The measurements (``hub bench``): a month of any size through the hub's real doors, beside what its layers cost bare.

    python -m simulators.bench --units 100000

A run of its own makes a hub in a temporary folder, lives through one month of bills as columns, and holds the hub's
exports against books of its own. Figures are printed only when they agree to the fen.
"""
