"""A document over the defaults of its project and under the patch for one environment, and what is wrong with these."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from flowerpower.specs.merge import lay_over, merge_patch, without_other_triggers
from flowerpower.specs.messages import begins_alike, describe, did_you_mean
from flowerpower.specs.names import stem_of
from flowerpower.specs.places import Origin
from flowerpower.specs.reported import Reported
from flowerpower.specs.text.documents import Document
from flowerpower.specs.values import NOT_PATCHED

if TYPE_CHECKING:
    from flowerpower.specs.fields import Spec


class Layering:
    """Lays documents over defaults and patches over documents; *elsewhere* gets who is left out, and why."""

    def __init__(self, told: Reported, env: str, models: Mapping[str, Any], elsewhere: dict[str, str]) -> None:
        self._told, self._env, self._models, self._elsewhere = told, env, models, elsewhere

    def patched(self, document: Document, origin: Origin, defaults: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the document over the defaults and under its environment's patch; None if it is wrong or left out."""
        if not isinstance(document.data, dict):
            if not document.sound:
                return None
            from flowerpower.specs.shapes import no_mapping_hint  # only a mistake needs it

            what = f"a {origin.kind} is a mapping, found {describe(document.data)}"
            self._told.report("FP100", origin.place, what, no_mapping_hint(document.data))
            return None
        data = {key: value for key, value in document.data.items() if key != "environments"}
        if defaults:
            data = lay_over(without_other_triggers(defaults, data), data)
        if "environments" not in document.data:
            return data
        environments = document.data["environments"]
        if environments is not None or not document.holes:
            self._check_environments(environments, data, origin)
        patch = environments.get(self._env, {}) if isinstance(environments, dict) else {}
        if patch is None and origin.kind != "project":
            address = f"{origin.kind}.{data.get('name') or stem_of(document.file)}"
            self._elsewhere[address] = f"is left out of the environment '{self._env}'"
            return None
        if not isinstance(patch, dict) or not patch:
            return data
        return merge_patch(without_other_triggers(data, patch), patch)  # type: ignore[no-any-return]

    def check_keys(
        self, kind: str, below: Mapping[str, Any], layer: Mapping[str, Any], origin: Origin, path: tuple[str, ...]
    ) -> None:
        """Tell which keys may not stand in the layer at *path* of a document, which is laid over what is *below*."""
        fields = self._models[kind].model_fields.keys()
        if layer.keys() <= fields and layer.keys().isdisjoint(NOT_PATCHED):  # as nearly all are
            return
        from flowerpower.specs.layers import unknown_in_layer  # only a mistake needs it

        for finding in unknown_in_layer(_real_model(kind), below, layer, path):
            self._told.add(finding, origin)

    def _check_environments(self, environments: object, below: Mapping[str, Any], origin: Origin) -> None:
        if not isinstance(environments, dict):
            from flowerpower.specs.layers import no_patches  # only a mistake needs it

            self._told.add(no_patches(environments), origin)
            return
        if origin.kind == "project":
            self._told.environments = dict.fromkeys(("default", *environments))
        known = self._told.environments
        for name, patch in environments.items():
            if self._told.is_full(origin.file):
                break
            if known is not None and name not in known:
                declare = f"declare it under `environments:` of the project; it has {', '.join(known)}"
                place = self._told.places.within(origin, ("environments", name), key=True)
                self._told.report("FP201", place, f"no environment '{name[:60]}'", _meant(name, known) or declare)
            elif isinstance(patch, dict):
                self.check_keys(origin.kind, below, patch, origin, ("environments", name))
            elif patch is not None:
                from flowerpower.specs.layers import no_patch  # only a mistake needs it

                self._told.add(no_patch(name, patch, origin.kind), origin)


def _real_model(kind: str) -> type[Spec]:
    from flowerpower.specs.models import MODELS

    return MODELS[kind]


def _meant(name: str, known: Collection[str]) -> str:
    several = [one.strip() for one in name.split(",")]
    if len(several) > 1 and all(one in known for one in several):
        return f"write a patch for each: `{several[0]}:` and `{several[1]}:`"
    alike = begins_alike(name, known)
    return did_you_mean(name, known) or (f"did you mean '{alike}'?" if alike else "")
