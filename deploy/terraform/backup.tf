# Terraform deletes this bucket only while it is empty, so that a backup outlives its pipeline.
resource "aws_s3_bucket" "backup" {
  #checkov:skip=CKV_AWS_18:Only Firehose and the operator touch this bucket; CloudTrail data events show who, where that is wanted.
  #checkov:skip=CKV_AWS_144:A copy in another region would double the cost of what expires within days.
  #checkov:skip=CKV_AWS_145:The variable kms_key_arn decides; SSE-S3 is enough for metrics that expire within days.
  #checkov:skip=CKV2_AWS_62:The alarm on the metric of failed/ says that objects were written.
  bucket_prefix = "${var.name}-backup-"
  force_destroy = false
}

resource "aws_s3_bucket_server_side_encryption_configuration" "backup" {
  bucket = aws_s3_bucket.backup.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = local.kms_key == null ? "AES256" : "aws:kms"
      kms_master_key_id = local.kms_key
    }

    # One request to KMS serves many objects.
    bucket_key_enabled = local.kms_key == null ? null : true
  }
}

resource "aws_s3_bucket_versioning" "backup" {
  bucket = aws_s3_bucket.backup.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_ownership_controls" "backup" {
  bucket = aws_s3_bucket.backup.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "backup" {
  bucket = aws_s3_bucket.backup.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "backup" {
  bucket = aws_s3_bucket.backup.id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = var.backup_retention_days
    }

    noncurrent_version_expiration {
      noncurrent_days = 7
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  rule {
    id     = "delete-markers"
    status = "Enabled"

    filter {}

    expiration {
      expired_object_delete_marker = true
    }
  }

  # Each sweep writes the same object again.
  dynamic "rule" {
    for_each = var.create_tags ? ["last-sweep"] : []

    content {
      id     = rule.value
      status = "Enabled"

      filter {
        prefix = "tags/"
      }

      noncurrent_version_expiration {
        noncurrent_days = 1
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.backup]
}

# The daily object count says nothing about the last minutes; request metrics do.
resource "aws_s3_bucket_metric" "failed" {
  bucket = aws_s3_bucket.backup.id
  name   = "failed"

  filter {
    prefix = "failed/"
  }
}

resource "aws_s3_bucket_policy" "backup" {
  bucket = aws_s3_bucket.backup.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyOverTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.backup.arn, "${aws_s3_bucket.backup.arn}/*"]
        Condition = {
          Bool = { "aws:SecureTransport" = "false" }
        }
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.backup]
}
