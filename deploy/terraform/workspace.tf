# --- Amazon Managed Prometheus: its address, and who may write to it

locals {
  has_workspace = var.prometheus_workspace_arn != ""
  workspace     = split(":", local.has_workspace ? var.prometheus_workspace_arn : ":::::/")
  workspace_url = "https://aps-workspaces.${local.workspace[3]}.${data.aws_partition.current.dns_suffix}/workspaces/${split("/", local.workspace[5])[1]}/api/v1/remote_write"

  write_to_workspace = !local.has_workspace || var.prometheus_role_arn != "" ? [] : [
    {
      Effect   = "Allow"
      Action   = ["aps:RemoteWrite"]
      Resource = [var.prometheus_workspace_arn]
    },
  ]

  assume_role = var.prometheus_role_arn == "" ? [] : [
    {
      Effect   = "Allow"
      Action   = ["sts:AssumeRole"]
      Resource = [var.prometheus_role_arn]
    },
  ]
}
