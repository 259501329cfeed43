output "function_name" {
  description = "The function."
  value       = aws_lambda_function.metric_stream.function_name
}

output "function_log_group_name" {
  description = "Its log group."
  value       = aws_cloudwatch_log_group.function.name
}

output "delivery_stream_name" {
  description = "The Firehose stream."
  value       = aws_kinesis_firehose_delivery_stream.delivery.name
}

output "metric_stream_name" {
  description = "The CloudWatch metric stream."
  value       = aws_cloudwatch_metric_stream.metrics.name
}

output "backup_bucket_name" {
  description = "Where Firehose writes what was not delivered. `terraform destroy` fails while it has objects."
  value       = aws_s3_bucket.backup.id
}

output "receiver_url" {
  description = "Where Firehose delivers, and where source stacks of other accounts and regions may deliver too. Null with Transformation."
  value       = local.endpoint_url
}

output "function_url_limit" {
  description = "What limits the requests to the Function URL. Null if reserved_concurrency does, or with another ingress."
  value       = local.is_function_url && var.reserved_concurrency == -1 ? "Only the concurrency of the account. Set reserved_concurrency if the account's quota allows it." : null
}

output "replay_function_name" {
  description = "The function that replays the backup when it is invoked."
  value       = aws_lambda_function.replay.function_name
}

output "tags_function_name" {
  description = "The function that sends the tags of resources. Null without create_tags."
  value       = local.tags_function_name
}

output "tags_role_arn" {
  description = "Its role, which the roles of tag_role_arns have to trust. Null without create_tags."
  value       = one(aws_iam_role.tags[*].arn)
}

output "token_secret_arn" {
  description = "The secret with the token, or with the access key that the stack has generated."
  value       = local.token_secret_arn
}

output "logs_extension_layer_arn" {
  description = "The layer that ships the function's own logs; it works with any other Python function too. Null if they are not shipped."
  value       = one(aws_lambda_layer_version.logs_extension[*].arn)
}
