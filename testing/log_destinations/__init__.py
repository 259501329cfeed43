"""Fakes of the four log destinations, on loopback: they decode, check, keep, and misbehave.

`LogzioDestination`, `LokiDestination`, `OpenObserveDestination` and `DataTapDestination` are in
the modules of their names; how they treat requests badly is in `treatment`, their certificates
are in `certificates`. Two destinations need no server: a host name that ends in `.invalid`, which
no name server ever knows (RFC 6761, 6.4), and a port on which nobody listens.
"""
