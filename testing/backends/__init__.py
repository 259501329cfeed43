"""Stand-ins with state for the servers behind a remote-write URL, in the words of the real ones.

Each is a reply function for `testing.receiver.Receiver`: it stores what the real server would
store of a request, and refuses the rest with that server's status and text. `words` lists the
texts with their sources, `backend` has what the servers share, `head` the store of Prometheus,
on which Mimir, Cortex and Thanos build.
"""
