"""Stand-ins of the four log destinations, on loopback: they decode, check, keep, and misbehave.

`LogzioDestination`, `LokiDestination`, `OpenObserveDestination` and `DataTapDestination` are in
the modules of their names; how they treat requests badly is in `treatment`, their certificates
are in `certificates`. Destinations that cannot be reached are in `testing.misbehaving`; a host
name that ends in `.invalid` is known to no name server (RFC 6761, 6.4).
"""

from testing.log_destinations.datatap import DataTapDestination
from testing.log_destinations.destination import LogDestination
from testing.log_destinations.logzio import LogzioDestination
from testing.log_destinations.loki import LokiDestination
from testing.log_destinations.openobserve import OpenObserveDestination

DESTINATIONS: dict[str, type[LogDestination]] = {
    kind.name: kind
    for kind in (LogzioDestination, LokiDestination, OpenObserveDestination, DataTapDestination)
}
"""The stand-ins by their names in `LOGS_DESTINATION`."""
