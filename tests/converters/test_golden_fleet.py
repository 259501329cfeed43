"""The sample events against their golden file, and parts of it against what a person worked out."""

import json
from pathlib import Path

import pytest

from converters.profiles import PROFILES
from testing.converting import ENVIRONMENT, assert_sound, convert
from testing.events.fleet import END_MS
from testing.events.samples import bad_events, good_events
from tests.support import golden
from tests.support.event_records import records_of

_LIKE_THE_FLEET = sorted(set(good_events(END_MS)) - {"demo-data"})
_MINUTE = 60_000


@pytest.mark.parametrize("name", _LIKE_THE_FLEET)
def test_golden(name: str) -> None:
    """Every good event of every ingress and format becomes the samples of the golden file."""
    text = (Path(__file__).parents[2] / "events" / f"{name}.json").read_text(encoding="utf-8")
    records = records_of(json.loads(text))
    conversion = convert(*records)
    assert_sound(conversion)
    assert not conversion.failures
    assert golden.golden_of(*records) == golden.read()
    assert (conversion.data_points, conversion.samples) == (79, 333)
    assert conversion.dropped_samples == conversion.dropped_points == {}


@pytest.mark.parametrize("profile", sorted(PROFILES))
@pytest.mark.parametrize("name", ["gzip-otlp-0.7", "multi-message-otlp-1.0"])
def test_golden_of_each_profile(profile: str, name: str) -> None:
    """Events of both formats become the samples of the profile's golden file."""
    text = (Path(__file__).parents[2] / "events" / f"{name}.json").read_text(encoding="utf-8")
    assert golden.golden_of(*records_of(json.loads(text)), profile=profile) == golden.read(profile)


def test_broken_event() -> None:
    """The good record beside a malformed one becomes its part of the golden file."""
    records = records_of(bad_events(END_MS)["malformed-record"])
    conversion = convert(*records)
    assert list(conversion.failures) == [1]
    lines = set(golden.golden_of(*records))
    assert lines
    assert lines < set(golden.read())


_EVERYWHERE = {
    "account": "111122223333",
    "cloud_provider": "aws",
    "p8s_logzio_name": ENVIRONMENT,
    "region": "us-east-1",
}
_CPU = {"namespace": "aws/ec2", "metricname": "cpuutilization"}
_ELB = {"namespace": "aws/elb", "metricname": "requestcount", "dimension_namespace": "aws"}
_RDS = {"namespace": "aws/rds", "dbinstanceidentifier": "shop-primary"}
_S3 = {"namespace": "aws/s3", "metricname": "bucketsizebytes", "storagetype": "standardstorage"}
_SHOP = {"namespace": "shop backend", "host_name": "shop-web-01", "city": "zürich"}
_SHOP |= {"deploy_stage": "production"}
_STOCK = _SHOP | {"metricname": "stock correction"}
_MEMORY = _SHOP | {"metricname": "memory % committed bytes in use"}
_DURATION = {"namespace": "aws/lambda", "metricname": "duration"}
_DAY_LATE = 26 * 60 * _MINUTE


@pytest.mark.parametrize(
    ("name", "own", "values"),
    [
        (
            "aws_ec2_cpuutilization_min",
            _CPU | {"instanceid": "i-0a1b2c3d4e5f60001"},
            {0: 3.25, _MINUTE: 3.125, 2 * _MINUTE: 3.875, 3 * _MINUTE: 4.5},
        ),
        ("aws_ec2_cpuutilization_max", _CPU | {"account": "444455556666"}, {0: 35.0}),
        ("aws_elb_requestcount_sum", _ELB | {"loadbalancername": "shop-classic"}, {0: 412.0}),
        ("aws_elb_requestcount_sum", _ELB, {0: 415.0}),
        (
            "aws_s3_bucketsizebytes_max",
            _S3 | {"bucketname": "shop-images"},
            {_DAY_LATE: 53_687_091_200.0},
        ),
        ("shop_backend_stock_correction", _STOCK | {"quantile": "0.1"}, {0: -3.5}),
        ("shop_backend_stock_correction", _STOCK | {"quantile": "0.5"}, {0: 0.0}),
        ("shop_backend_stock_correction_sum", _STOCK, {0: -12.0}),
        ("shop_backend_stock_correction_min", _STOCK, {0: -18.0}),
        ("shop_backend_memory_committed_bytes_in_use_max", _MEMORY, {0: 42.6, _MINUTE: 42.4}),
        (
            "aws_rds_databaseconnections_max",
            _RDS | {"metricname": "databaseconnections"},
            {0: 41.0, _MINUTE: 43.0, 2 * _MINUTE: 39.0, 3 * _MINUTE: 40.0},
        ),
        ("aws_rds_replicalag_min", _RDS | {"metricname": "replicalag"}, {0: -1.0}),
        (
            "aws_lambda_duration",
            _DURATION | {"functionname": "checkouthandler", "quantile": "0.999"},
            {0: 901.5},
        ),
    ],
)
def test_written_by_hand(name: str, own: dict[str, str], values: dict[int, float]) -> None:
    """The golden file says of a series what a person reads out of the fleet, and no more."""
    labels = _EVERYWHERE | own
    text = ", ".join(f'{key}="{labels[key]}"' for key in sorted(labels))
    series = f"{name}{{{text}}} "
    assert {line for line in golden.read() if line.startswith(series)} == {
        f"{series}{value!r} {END_MS - ago}" for ago, value in values.items()
    }
