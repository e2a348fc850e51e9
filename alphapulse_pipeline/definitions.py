"""Dagster's entry point: everything in the deployment's folder."""

import dagster as dg

from alphapulse_pipeline import defs as packaged
from alphapulse_pipeline.components.folder import as_package, load_folder
from alphapulse_pipeline.components.shared_definitions import shared_definitions
from alphapulse_pipeline.settings.deployment import read_deployment
from alphapulse_pipeline.settings.project import PACKAGED, defs_folder
from alphapulse_pipeline.settings.shared import SharedSettings


@dg.definitions
def defs() -> dg.Definitions:
    folder = defs_folder()
    loaded = load_folder(packaged if folder.samefile(PACKAGED) else as_package(folder))
    more = []
    if read_deployment(folder).shared is None:
        more.append(shared_definitions(folder, SharedSettings(event_log_retention=True)))
    if loaded.executor is None:
        # A run has one account and one client: a process for each step would cost seconds.
        more.append(dg.Definitions(executor=dg.in_process_executor))
    return dg.Definitions.merge(loaded, *more)
