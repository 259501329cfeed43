"""ARNs are taken apart, and what is no ARN raises ValueError."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tags.arns import Arn, parse_arn


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("arn:aws:ec2:us-east-1:1:instance/i-1", ("aws", "ec2", "us-east-1", "1", "instance/i-1")),
        ("arn:aws-cn:s3:::bucket", ("aws-cn", "s3", "", "", "bucket")),
        ("arn:aws:route53:::healthcheck/a-b", ("aws", "route53", "", "", "healthcheck/a-b")),
        ("arn:aws:cloudfront::1:distribution/E", ("aws", "cloudfront", "", "1", "distribution/E")),
        ("arn:aws:rds:eu-west-1:1:cluster:a", ("aws", "rds", "eu-west-1", "1", "cluster:a")),
        (
            "arn:aws:apigateway:eu-west-1::/apis/a",
            ("aws", "apigateway", "eu-west-1", "", "/apis/a"),
        ),
        ("arn:aws:mq:eu-west-1:1:broker:a:b-1", ("aws", "mq", "eu-west-1", "1", "broker:a:b-1")),
    ],
)
def test_an_arn_has_five_parts_and_the_last_may_have_colons(
    text: str, parts: tuple[str, ...]
) -> None:
    """The parts make the ARN again."""
    arn = parse_arn(text)
    assert arn == Arn(*parts)
    assert str(arn) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "instance/i-1",
        "arn:aws:ec2:us-east-1:1",
        "arn:aws:ec2:us-east-1:1:",
        "arn::ec2:us-east-1:1:instance/i-1",
        "arn:aws::us-east-1:1:instance/i-1",
        "ARN:aws:ec2:us-east-1:1:instance/i-1",
        " arn:aws:ec2:us-east-1:1:instance/i-1",
        "tgw-1/tgw-attach-1",
    ],
)
def test_what_is_no_arn_raises(text: str) -> None:
    """A field that every ARN has must be there."""
    with pytest.raises(ValueError, match="not an ARN"):
        parse_arn(text)


@given(st.one_of(st.text(), st.text(alphabet="arn:aws/{}*\n", max_size=30).map("arn:{}".format)))
def test_any_text_is_an_arn_or_raises_value_error(text: str) -> None:
    """It raises nothing else, and loses nothing."""
    try:
        arn = parse_arn(text)
    except ValueError:
        return
    assert str(arn) == text
