"""What is deployed: one folder per account, and the resources that all share."""
