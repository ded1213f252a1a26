"""Reads definitions of audiences that are wrong, and what is told of them."""

import pytest

from streamseg.audiences.audience_files import read_audiences
from streamseg.audiences.definition import Audience
from streamseg.audiences.definition_files import DefinitionError
from tests.support.shop_vocabulary import VOCABULARY

HEAD = '[[audience]]\nid = "runners"\nname = "Runners"\npurpose = "ads"\n'
NO_ID = "must be small letters and digits, a letter first, with single dashes between words"


def problems(name: str, content: str | bytes, *existing: Audience) -> tuple[str, ...]:
    """Return the lines about a wrong file."""
    with pytest.raises(DefinitionError) as refused:
        read_audiences(name, content, VOCABULARY, existing)
    assert str(refused.value) == "\n".join(refused.value.problems)
    return refused.value.problems
