"""Dagster's entry point: everything in the deployment's folder, and what all deployments share."""

import dagster as dg

from alphapulse_pipeline import defs as packaged
from alphapulse_pipeline.components.folder import as_package, load_folder
from alphapulse_pipeline.defs import alerts, resources, retention
from alphapulse_pipeline.settings.project import PACKAGED, defs_folder


@dg.definitions
def defs() -> dg.Definitions:
    folder = defs_folder()
    if folder.samefile(PACKAGED):
        return load_folder(packaged)
    shared = (alerts.alerts(), resources.resources(), retention.retention())
    return dg.Definitions.merge(load_folder(as_package(folder)), *shared)
