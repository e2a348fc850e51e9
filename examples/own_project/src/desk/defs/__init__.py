"""What the project defines."""
