"""Logz.io's listener in each of its regions."""

from handler import otlp_settings

# Logz.io's regions by the AWS region that they are in.
_LOGZIO_REGIONS = {
    "us-east-1": "us",
    "eu-central-1": "eu",
    "eu-west-2": "uk",
    "ca-central-1": "ca",
    "ap-southeast-2": "au",
}


def logzio_listener(region: str, aws_region: str) -> str:
    """Return the listener of one of Logz.io's regions, or of the one in an AWS region.

    Raises:
        ValueError: There is none.
    """
    regions = ", ".join(_LOGZIO_REGIONS.values())
    if region == otlp_settings.NO_REGION:
        raise ValueError(
            "LOGZIO_REGION is none, so LOGZIO_METRICS_LISTENER must be set, or "
            f"{otlp_settings.ENDPOINT}"
        )
    if region and region not in _LOGZIO_REGIONS.values():
        raise ValueError(
            f"LOGZIO_REGION must be one of {regions}; for another listener set "
            "LOGZIO_METRICS_LISTENER to its URL"
        )
    region = region or _LOGZIO_REGIONS.get(aws_region, "")
    if not region:
        raise ValueError(
            "LOGZIO_METRICS_LISTENER must be set to the listener's URL, or LOGZIO_REGION to one "
            f"of {regions}: Logz.io has no listener in the AWS region {aws_region or 'unknown'}"
        )
    return f"https://listener{'' if region == 'us' else f'-{region}'}.logz.io:8053"
