"""What is wrong and how it is mended, and what keeps the deployment well."""
