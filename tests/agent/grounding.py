"""One argument of a call, grounded in what was said."""

from typing import Any

from agent.bus import Bus
from agent.grounding import Said, ground
from tools import Shop

OPTIONAL, NEEDED = False, True


def grounded(
    shop: Shop, line: str, name: str, value: Any, bus: Bus | None = None, earlier: str = "", needed: bool = OPTIONAL
) -> Any:
    lines = [line, earlier] if earlier else [line]
    bus = bus or Bus()
    return ground({name: value}, {name: needed}, Said(lines, recent=bus.turn), bus, shop).get(name)
