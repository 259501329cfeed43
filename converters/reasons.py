"""Why data points or samples are not sent, and what else the operator should know of them."""


class DropReason:
    """Why a point or a sample is not sent; the values of the metrics' dimension `Reason`."""

    DUPLICATE = "duplicate"
    CASE_COLLISION = "case_collision"
    NAME_COLLISION = "name_collision"
    UNIT_CONFLICT = "unit_conflict"
    RELABEL = "relabel"
    OVERSIZED = "oversized"
    IN_THE_FUTURE = "in_the_future"
    UNSUPPORTED = "unsupported"
    DELTA_TEMPORALITY = "delta_temporality"
    NO_TIMESTAMP = "no_timestamp"
    NO_VALUE = "no_value"


class WarnReason:
    """What the operator should know of a metric whose points are sent all the same."""

    MANY_LABELS = "many_labels"
    ATTRIBUTES_LEFT_OUT = "attributes_left_out"
    METADATA = "metadata"
