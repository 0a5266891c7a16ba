"""Shadow (并行试运行): before a bank goes live, its real files are made, read and compared, and nothing is booked or sent.

``rehearsal`` makes the requests that the hub would have sent, ``visit`` looks at what lies at the bank and what another
system's people have laid down, ``comparing`` says how both agree.
"""
