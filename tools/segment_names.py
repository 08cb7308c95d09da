"""The names of segments: chosen ones, kept with the fitted views, as long as the facts allow them, else those made by code."""

import json
from collections.abc import Mapping
from pathlib import Path

from tools.insight_results import Segment
from tools.segment_words import name_of, names_for

_FILE = "segment_names.json"


def named(segments: list[Segment], kept: Mapping[str, str]) -> list[Segment]:
    """The segments, each with a name of its own: the one `kept` by its id if its facts allow that, else the first free."""
    names: dict[str, str] = {}
    for segment in segments:
        name = kept.get(segment.segment_id)
        if name in names_for(segment.differences, segment.topics) and name not in names.values():
            names[segment.segment_id] = name
    for segment in segments:
        if segment.segment_id not in names:
            names[segment.segment_id] = name_of(segment.differences, segment.topics, names.values())
    return [segment.model_copy(update={"name": names[segment.segment_id]}) for segment in segments]


def load_names(folder: Path) -> dict[str, str]:
    """The chosen names by segment id that were saved in `folder`; nothing where nothing was."""
    file = folder / _FILE
    names: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return names


def save_names(names: Mapping[str, str], folder: Path) -> None:
    """Save chosen names all at once, so that a stop in between leaves those of before."""
    fresh = folder / f"{_FILE}.new"
    fresh.write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")
    fresh.replace(folder / _FILE)
