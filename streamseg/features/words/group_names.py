"""Gives hash groups of categories the names that were heard for them, as people read them."""

from dataclasses import replace

from streamseg.features.feature import Feature
from streamseg.features.words.attributes import slug


def with_name(group: Feature, name: str) -> Feature:
    """Return the feature of a hash group with the name that was heard for it, such as "yoga mats"."""
    meaning = f"item lines viewed, put in the cart or bought of {name}, among all with a category"
    return replace(group, name=f"category_{slug(name)}", meaning=meaning, block="", hashed=False)


def shown_names(known: str) -> str:
    """Return a category, or categories of one group, as people read it in any language: "shoes/hats"."""
    return known.replace("_or_", "/").replace("_", " ")
