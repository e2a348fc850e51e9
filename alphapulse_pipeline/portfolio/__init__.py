"""Tables derived from the histories and snapshots, in the schema `portfolio`. SQL first."""
