"""The reference of the specs is whole, current, and where the editors' links lead."""

from __future__ import annotations

import json
import re
from pathlib import Path

from flowerpower.render.spec_reference import spec_reference
from flowerpower.specs.models import PipelineSpec, ProjectSpec, ScheduleSpec
from flowerpower.specs.schema.schema import KINDS, json_schema

PAGE = Path(__file__).parents[3] / "docs" / "specs.md"
ANCHORS = re.compile(r'<a id="([^"]+)">')


def test_the_page_is_made_from_the_models_as_they_are() -> None:
    assert PAGE.read_text(encoding="utf-8") == spec_reference(), "run: flowerpower schema --format markdown"


def test_every_link_in_a_schema_leads_to_a_place_of_the_page() -> None:
    links = {link for kind in KINDS for link in re.findall(r"/docs/specs#([\w-]+)", json.dumps(json_schema(kind)))}

    assert len(links) > 80
    assert links - set(ANCHORS.findall(spec_reference())) == set()


def test_every_key_has_a_place_of_its_own() -> None:
    anchors = ANCHORS.findall(spec_reference())

    assert len(anchors) == len(set(anchors))
    for kind, model in (("project", ProjectSpec), ("pipeline", PipelineSpec), ("schedule", ScheduleSpec)):
        assert {f"{kind}-{name}" for name in model.model_fields} <= set(anchors)


def test_one_kind_can_be_had_alone() -> None:
    text = spec_reference(("schedule",))

    assert '## <a id="schedule"></a>Schedule' in text
    assert "pipeline-modules" not in text
