"""Configuration: environment variables, `.env`, the component files under `defs/`, redaction."""
