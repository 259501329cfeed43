# --- A private network for all functions

locals {
  # In one list, since the ids may be unknown to the plan, but not their number.
  networks = length(var.subnet_ids) == 0 ? [] : [{ subnets = var.subnet_ids, groups = var.security_group_ids }]

  # These cannot be limited to the function's own interfaces, and Lambda checks that they are allowed.
  describe_network = length(var.subnet_ids) == 0 ? [] : [
    {
      Effect   = "Allow"
      Action   = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
      Resource = ["*"]
    },
  ]

  # A subnet that another account shares has that account's number.
  use_network = length(var.subnet_ids) == 0 ? [] : [
    {
      Effect   = "Allow"
      Action   = ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"]
      Resource = ["arn:${data.aws_partition.current.partition}:ec2:${data.aws_region.current.region}:*:*/*"]
    },
  ]
}
