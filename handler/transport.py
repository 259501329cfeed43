"""Names of `handler.client` from before; gone once nobody imports them."""

from handler.client import Client, ListenerResponse, NoResponseError

Transport = Client
ListenerAnswer = ListenerResponse
TransportError = NoResponseError
