"""A stand-in for what is between Firehose and the function: ingress, and Lambda's instances.

`server.IngressServer` takes HTTP, `kinds` turns requests into events and answers back,
`concurrency.Instances` gives each request an instance of the function to itself, and
`instance.emulated` is such an instance under the Runtime Interface Emulator.
"""
