"""All that talks to PostgreSQL. It knows tables and time ranges, not exchanges."""
