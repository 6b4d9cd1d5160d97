"""Finding the passages that speak of what was asked."""

from datetime import date

from answering_fakes import DAY, EVERYONE, InMemory, Words, passage

from knowledge.passages import Passage, breadth, visible
from knowledge.search import Library, Ranking, understand

KIT = passage("Your personal kit may weigh 1.5 kg.", position=0)
SUIT = passage("The suit is fitted twice before launch.", heading="Suit", position=1)
LAUNCH = passage("Launch is planned for the morning.", heading="Days", position=2)
POWER = passage("A power bank stays in the locker.", heading="Locker", position=3)
ALL = (KIT, SUIT, LAUNCH, POWER)


def find(question: str, passages: tuple[Passage, ...] = ALL, grants: frozenset[str] = EVERYONE) -> Ranking:
    """Searches with stand-ins for the models."""
    library = Library(passages)
    query = understand(question, library.shelf(grants, DAY).view)
    vector = Words().vectors([query.text])[0]
    return library.search(query, vector, InMemory(passages), grants, DAY)


def test_the_passage_with_the_words_comes_first() -> None:
    """Shared words and shared meaning add up."""
    assert find("how heavy may my kit be, what can it weigh?").found[0].passage is KIT


def test_slips_of_the_finger_are_forgiven() -> None:
    """ "lauch" is looked up as "launch", "powerbank" as "power bank"."""
    assert find("wen is lauch").found[0].passage is LAUNCH
    assert find("powerbank").found[0].passage is POWER


def test_a_question_of_stop_words_finds_nothing_by_words() -> None:
    """Nothing in "what is it about?" tells one passage from another."""
    assert all(f.lexical == 0 for f in find("what is it about?").found)


def test_a_follow_up_takes_the_message_before_along() -> None:
    """ "and how heavy?" leans on what was asked before; a question that stands alone does not."""
    view = Library(ALL).shelf(EVERYONE, DAY).view
    assert "kit" in understand("and how heavy?", view, ["May I bring a kit?"]).stems
    assert "kit" not in understand("when is the launch planned?", view, ["May I bring a kit?"]).stems


def test_of_equals_the_narrower_audience_comes_first() -> None:
    """Mission before organisation before flight before everyone."""
    grants = frozenset({"everyone", "flight:a", "mission:m", "organisation:o"})
    text = "Your personal kit may weigh 1.5 kg."
    same = tuple(
        passage(text, document=a.partition(":")[0], audience=frozenset({a}), position=n)
        for n, a in enumerate(sorted(grants))
    )
    order = [f.passage.document for f in find("how heavy may my kit be", same, grants).found]
    assert order == ["mission", "organisation", "flight", "everyone"]
    assert breadth(same[0], frozenset()) > breadth(same[0], grants)


def test_a_document_speaks_from_its_day_until_it_is_replaced() -> None:
    """Both days are the first: valid from its first day, silent from the first day of its successor."""
    kept = passage("x", valid_from=date(2027, 2, 1), replaced_from=date(2027, 4, 1))
    days = [date(2027, 1, 31), date(2027, 2, 1), date(2027, 3, 31), date(2027, 4, 1)]
    assert [visible(kept, EVERYONE, day) for day in days] == [False, True, True, False]


def test_a_hidden_document_moves_no_score() -> None:
    """The same question to the same visible passages scores the same, whatever else there is."""
    secret = passage(
        "The kit kit kit of the lumen mission weighs 9 kg.",
        document="lumen",
        audience=frozenset({"mission:l"}),
    )
    alone = [(f.passage.id, f.score) for f in find("how much may the kit weigh").found]
    beside = [(f.passage.id, f.score) for f in find("how much may the kit weigh", (*ALL, secret)).found]
    assert alone == beside


def test_an_index_that_forgets_to_filter_leaks_nothing() -> None:
    """What the index returns is checked again."""
    secret = passage("The kit weighs 9 kg.", document="lumen", audience=frozenset({"mission:l"}))
    library = Library((*ALL, secret))
    query = understand("how heavy is the kit", library.shelf(EVERYONE, DAY).view)
    vector = Words().vectors([query.text])[0]
    ranking = library.search(query, vector, InMemory((*ALL, secret), leaks=True), EVERYONE, DAY)
    assert secret not in [f.passage for f in ranking.found]
