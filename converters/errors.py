"""What can be wrong with a record, and with relabelling.

The tree::

    RecordError              a record of a delivery cannot be decoded
    ├── FramingError         its length-delimited messages do not add up
    ├── DecodeError          a message, or something inside it, is not OTLP
    ├── OtherFormatError     it is JSON, gzip, or OTLP without lengths; the text says what to change
    └── TooLargeError        it is larger than Firehose's records, or the delivery would
                             take more memory than the function has

Firehose keeps a record that raises, whole: none of its points are sent. Apart from it::

    RelabelError             WRITE_RELABEL_CONFIGS holds what is no rule
    LabelsTooLargeError      rules make the labels of a series too large, so it is dropped
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


class RelabelError(ValueError):
    """What is wrong with WRITE_RELABEL_CONFIGS, in which rule, and what to write instead."""


class LabelsTooLargeError(ValueError):
    """Rules make a label too long, or more labels than a series can have."""
