"""Components whose attributes are the fields of a settings model, declared only there."""

import dagster as dg
from pydantic import BaseModel


class SettingsComponent(dg.Component, dg.Resolvable, BaseModel):
    """Base of a component that also inherits its attributes from a settings model."""

    @classmethod
    def model(cls) -> type[BaseModel]:
        """The schema of the YAML file.

        Dagster drops the descriptions of fields that have a default; here they are kept.
        """
        schema = super().model()
        lost = [name for name, field in schema.model_fields.items() if not field.description]
        for name in lost:
            schema.model_fields[name].description = cls.model_fields[name].description
        if lost:
            schema.model_rebuild(force=True)
        return schema
