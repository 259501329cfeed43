"""A stand-in for what is between Firehose and the function: the ingress and Lambda's instances.

`server.IngressServer` serves HTTP, `kinds` turns requests into events and responses into replies,
`concurrency.Instances` gives each request an instance of the function, and `instance.emulated`
is such an instance under the Runtime Interface Emulator.
"""
