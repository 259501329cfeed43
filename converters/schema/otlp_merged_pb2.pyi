from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CountedRequest(_message.Message):
    __slots__ = ("resource_metrics",)
    RESOURCE_METRICS_FIELD_NUMBER: _ClassVar[int]
    resource_metrics: CountedResource
    def __init__(self, resource_metrics: _Optional[_Union[CountedResource, _Mapping]] = ...) -> None: ...

class CountedResource(_message.Message):
    __slots__ = ("scope_metrics",)
    SCOPE_METRICS_FIELD_NUMBER: _ClassVar[int]
    scope_metrics: CountedScope
    def __init__(self, scope_metrics: _Optional[_Union[CountedScope, _Mapping]] = ...) -> None: ...

class CountedScope(_message.Message):
    __slots__ = ("metrics",)
    METRICS_FIELD_NUMBER: _ClassVar[int]
    metrics: CountedMetric
    def __init__(self, metrics: _Optional[_Union[CountedMetric, _Mapping]] = ...) -> None: ...

class CountedMetric(_message.Message):
    __slots__ = ("gauge", "sum", "histogram", "exponential_histogram", "summary", "int_gauge", "int_sum", "int_histogram")
    GAUGE_FIELD_NUMBER: _ClassVar[int]
    SUM_FIELD_NUMBER: _ClassVar[int]
    HISTOGRAM_FIELD_NUMBER: _ClassVar[int]
    EXPONENTIAL_HISTOGRAM_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    INT_GAUGE_FIELD_NUMBER: _ClassVar[int]
    INT_SUM_FIELD_NUMBER: _ClassVar[int]
    INT_HISTOGRAM_FIELD_NUMBER: _ClassVar[int]
    gauge: CountedPoints
    sum: CountedPoints
    histogram: CountedPoints
    exponential_histogram: CountedPoints
    summary: CountedPoints
    int_gauge: CountedPoints
    int_sum: CountedPoints
    int_histogram: CountedPoints
    def __init__(self, gauge: _Optional[_Union[CountedPoints, _Mapping]] = ..., sum: _Optional[_Union[CountedPoints, _Mapping]] = ..., histogram: _Optional[_Union[CountedPoints, _Mapping]] = ..., exponential_histogram: _Optional[_Union[CountedPoints, _Mapping]] = ..., summary: _Optional[_Union[CountedPoints, _Mapping]] = ..., int_gauge: _Optional[_Union[CountedPoints, _Mapping]] = ..., int_sum: _Optional[_Union[CountedPoints, _Mapping]] = ..., int_histogram: _Optional[_Union[CountedPoints, _Mapping]] = ...) -> None: ...

class CountedPoints(_message.Message):
    __slots__ = ("data_points",)
    DATA_POINTS_FIELD_NUMBER: _ClassVar[int]
    data_points: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, data_points: _Optional[_Iterable[bytes]] = ...) -> None: ...

class TimedRequest(_message.Message):
    __slots__ = ("resource_metrics",)
    RESOURCE_METRICS_FIELD_NUMBER: _ClassVar[int]
    resource_metrics: TimedResource
    def __init__(self, resource_metrics: _Optional[_Union[TimedResource, _Mapping]] = ...) -> None: ...

class TimedResource(_message.Message):
    __slots__ = ("scope_metrics",)
    SCOPE_METRICS_FIELD_NUMBER: _ClassVar[int]
    scope_metrics: TimedScope
    def __init__(self, scope_metrics: _Optional[_Union[TimedScope, _Mapping]] = ...) -> None: ...

class TimedScope(_message.Message):
    __slots__ = ("metrics",)
    METRICS_FIELD_NUMBER: _ClassVar[int]
    metrics: TimedMetric
    def __init__(self, metrics: _Optional[_Union[TimedMetric, _Mapping]] = ...) -> None: ...

class TimedMetric(_message.Message):
    __slots__ = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
    GAUGE_FIELD_NUMBER: _ClassVar[int]
    SUM_FIELD_NUMBER: _ClassVar[int]
    HISTOGRAM_FIELD_NUMBER: _ClassVar[int]
    EXPONENTIAL_HISTOGRAM_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    gauge: TimedPoints
    sum: TimedPoints
    histogram: TimedPoints
    exponential_histogram: TimedExponentialPoints
    summary: TimedPoints
    def __init__(self, gauge: _Optional[_Union[TimedPoints, _Mapping]] = ..., sum: _Optional[_Union[TimedPoints, _Mapping]] = ..., histogram: _Optional[_Union[TimedPoints, _Mapping]] = ..., exponential_histogram: _Optional[_Union[TimedExponentialPoints, _Mapping]] = ..., summary: _Optional[_Union[TimedPoints, _Mapping]] = ...) -> None: ...

class TimedPoints(_message.Message):
    __slots__ = ("data_points",)
    DATA_POINTS_FIELD_NUMBER: _ClassVar[int]
    data_points: TimedPoint
    def __init__(self, data_points: _Optional[_Union[TimedPoint, _Mapping]] = ...) -> None: ...

class TimedPoint(_message.Message):
    __slots__ = ("labels", "time_unix_nano")
    LABELS_FIELD_NUMBER: _ClassVar[int]
    TIME_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    labels: _containers.RepeatedScalarFieldContainer[bytes]
    time_unix_nano: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, labels: _Optional[_Iterable[bytes]] = ..., time_unix_nano: _Optional[_Iterable[int]] = ...) -> None: ...

class TimedExponentialPoints(_message.Message):
    __slots__ = ("data_points",)
    DATA_POINTS_FIELD_NUMBER: _ClassVar[int]
    data_points: TimedExponentialPoint
    def __init__(self, data_points: _Optional[_Union[TimedExponentialPoint, _Mapping]] = ...) -> None: ...

class TimedExponentialPoint(_message.Message):
    __slots__ = ("time_unix_nano",)
    TIME_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    time_unix_nano: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, time_unix_nano: _Optional[_Iterable[int]] = ...) -> None: ...
