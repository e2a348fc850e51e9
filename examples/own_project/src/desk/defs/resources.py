"""The project's own IO manager: assets that name no other one use it."""

import os

import dagster as dg


@dg.definitions
def resources() -> dg.Definitions:
    folder = os.environ.get("DESK_FILES", "files")
    return dg.Definitions(resources={"io_manager": dg.FilesystemIOManager(base_dir=folder)})
