"""What retrieval may expect of the sentence encoder that comes with the package."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.embedding import LONGEST, WIDTH, EncoderError, MiniLM


@pytest.fixture(scope="module")
def encoder() -> MiniLM:
    return MiniLM()


def test_a_vector_has_length_one(encoder: MiniLM) -> None:
    """So that an inner product is a cosine."""
    vector = encoder.embed_query("How heavy can my personal kit be?")
    assert len(vector) == WIDTH
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


def test_a_paraphrase_is_nearer_than_another_subject(encoder: MiniLM) -> None:
    """The question's own words need not occur in the passage."""
    question = encoder.vector("How heavy can my personal kit be?")
    limit = encoder.vector("Each participant may bring belongings of up to 1.5 kg.")
    dinner = encoder.vector("Dinner with the families is served in the hangar.")
    assert question @ limit > question @ dinner + 0.2


def test_a_text_alone_and_among_others_has_the_same_vector(encoder: MiniLM) -> None:
    """A passage does not change because of the company in which it was ingested."""
    texts = [
        "Gloves.",
        "A much longer passage about pressure suits, their gloves and the checks before launch.",
        "Gloves.",
    ]
    together = encoder.embed_documents(texts)
    assert together == [encoder.embed_query(text) for text in texts]
    assert together[0] == together[2]


def test_nothing_to_embed_gives_nothing(encoder: MiniLM) -> None:
    """An empty collection is not an error, and keeps the shape that a caller multiplies with."""
    assert encoder.embed_documents([]) == []
    assert encoder.vectors([]).shape == (0, WIDTH)


def test_only_the_beginning_of_a_long_text_counts(encoder: MiniLM) -> None:
    """What stands after the last token that is read changes nothing, and costs nothing."""
    start = "station " * LONGEST
    assert encoder.embed_query(start + "abort") == encoder.embed_query(start + "picnic " * 100_000)


def test_the_name_tells_one_model_from_another(encoder: MiniLM) -> None:
    """It comes from the files' content, so it is the same wherever the same model is loaded."""
    assert encoder.name.startswith("minilm-")
    assert encoder.name == MiniLM().name


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Whoever installs the concierge reads which file it was."""
    with pytest.raises(EncoderError, match=r"model\.onnx"):
        MiniLM(tmp_path)


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(), max_size=60))
def test_any_text_has_a_vector(text: str) -> None:
    """Control characters, half characters and nothing at all included."""
    vector = MINILM.vector(text)
    assert np.isfinite(vector).all()


MINILM = MiniLM()
