"""The other parties, made up: agencies, banks, a seeded month, and an oracle that keeps books of its own.

They know the contract and nothing else of the hub: files on disk, files over SFTP, and the ``hub`` command line.
No module of ``hub`` is imported here, so a mistake in the hub cannot agree with itself. Same seed, same month, byte
for byte.
"""
