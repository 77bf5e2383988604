"""The recipes of the README, as run by Home Assistant."""

import json
import re
from typing import Any, Final

import yaml

from .home_assistant import ROOT

_BLOCK: Final = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
ON_DECK: Final = "look_on_deck"
"""The event that updates the template sensor, instead of a time of day."""

# There is no phone in the tests.
_PHONE: Final = ("notify.mobile_app_phone", "notify.persistent_notification")


def configuration(*automations: dict[str, Any]) -> str:
    """Return a configuration with all recipes that need no token, and some more."""
    text = (ROOT / "README.md").read_text().replace(*_PHONE)
    blocks = [yaml.safe_load(block) for block in _BLOCK.findall(text)]
    recipes = [block for block in blocks if "trace" not in block]
    automations += tuple(
        recipe | {"id": slug(recipe)} for recipe in recipes if "triggers" in recipe
    )
    scripts = {slug(recipe): recipe for recipe in recipes if "sequence" in recipe}
    triggers = [{"trigger": "event", "event_type": ON_DECK}]
    templates = [
        one | {"triggers": triggers}
        for recipe in recipes
        for one in recipe.get("template", ())
    ]
    parts = {
        "automation": automations,
        "notify": [],
        "script": scripts,
        "template": templates,
        "webhook": {},
    }
    return "".join(f"{name}: {json.dumps(part)}\n" for name, part in parts.items())


def slug(recipe: dict[str, Any]) -> str:
    """Return the slug of a recipe used in IDs."""
    return re.sub(r"\W+", "_", recipe["alias"].lower())
