"""Sends what Firehose has written to the backup: the objects of a bucket or a folder."""
