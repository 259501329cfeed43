"""A stand-in for Amazon Data Firehose with an HTTP endpoint as destination.

`stream.Stream` takes records, buffers them and has each batch settled by
`delivery.HttpDestination`: delivered, discarded, or written to a folder laid out as
the backup bucket. Amazon's words are those of "HTTP Endpoint Delivery Request and Response
Specifications" and "Understand data delivery" in the Firehose developer guide.
"""
