"""A stand-in for Amazon Data Firehose with an HTTP endpoint as destination, or a transformation.

`stream.Stream` buffers records, and `delivery.HttpDestination` delivers each batch, discards it, or
writes it to a folder that is laid out as the backup bucket; `transformation.Transformation` invokes
a function instead. Quotations are from "HTTP Endpoint Delivery Request and Response
Specifications", "Understand data delivery" and "Handle failure in data transformation" in the
Firehose guide.
"""
