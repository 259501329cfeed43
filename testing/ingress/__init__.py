"""A stand-in for what is between Firehose and the function: the ingress and Lambda's instances.

`server.IngressServer` serves HTTP, `kinds` turns requests into events and responses into replies,
and `concurrency.Instances` gives each request an instance of the function.
"""
