"""CSV files of what an exchange no longer serves: read, made into rows, stored with their proof."""
