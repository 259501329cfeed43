"""What can be wrong with a record.

The tree::

    RecordError              a record of a delivery cannot be decoded
    ├── FramingError         its length-delimited messages do not add up
    ├── DecodeError          a message, or something inside it, is not OTLP
    ├── OtherFormatError     it is JSON, gzip, or OTLP without lengths; the text says what to change
    └── TooLargeError        it is larger than Firehose's records, or the delivery would
                             take more memory than the function has

Firehose keeps a record that raises, whole: none of its points are sent.
"""


class RecordError(ValueError):
    """A record cannot be decoded; the text says what was being read."""


class FramingError(RecordError):
    """The length headers of a record's messages do not match its bytes."""


class DecodeError(RecordError):
    """A message is framed correctly but is not an OTLP metrics request."""


class OtherFormatError(RecordError):
    """A record of another format, which its text names, with what to change."""


class TooLargeError(RecordError):
    """A record that cannot be converted within the limits of its size or of its delivery."""
