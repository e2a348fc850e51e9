"""What keeps the deployment well."""
