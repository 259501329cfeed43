"""A stand-in for Amazon Data Firehose with an HTTP endpoint as destination.

`stream.Stream` buffers records, and `delivery.HttpDestination` delivers each batch, discards it, or
writes it to a folder that is laid out as the backup bucket. Quotations are from "HTTP Endpoint
Delivery Request and Response Specifications" and "Understand data delivery" in the Firehose guide.
"""
