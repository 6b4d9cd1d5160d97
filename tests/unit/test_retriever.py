"""The search as LangChain knows it: a Runnable that gives documents, and never more than its reader may see."""

from __future__ import annotations

from answering_fakes import InMemory, Shared, Words, passage
from langchain_core.runnables import Runnable, RunnableLambda
from test_answer import DAY, EAGER, EVERYONE, KIT, answerer

from knowledge.answer import Answerer
from knowledge.retriever import MissionRetriever

SECRET = passage("The kit of the other mission weighs 9 kg.", document="other", audience=frozenset({"mission:other"}))


def test_documents_carry_where_they_stand_and_what_may_change() -> None:
    """Their text is the passage's, word for word."""
    first, *_ = MissionRetriever(library=answerer(), grants=EVERYONE, on=DAY).invoke("How much may my kit weigh?")
    assert first.page_content == KIT.text
    assert first.id == KIT.id
    assert first.metadata["anchor"] == "Personal kit"
    assert first.metadata["caveat"] == "Limits are confirmed a month before launch."


def test_it_composes_with_other_runnables() -> None:
    """A chain takes it as it takes any retriever."""
    retriever = MissionRetriever(library=answerer(), grants=EVERYONE, on=DAY, k=1)
    chain: Runnable[str, str] = retriever | RunnableLambda(lambda found: found[0].page_content)
    assert chain.invoke("price of a window seat?") == "Seat: Window seat; Price: EUR 400"


def test_grants_are_not_the_questions_to_choose() -> None:
    """Even an index that forgets to filter gives nothing that its reader may not see."""
    both = (KIT, SECRET)
    leaking = Answerer(both, dense=InMemory(both, leaks=True), encoder=Words(), pairs=Shared(), judge=EAGER)
    found = MissionRetriever(library=leaking, grants=EVERYONE, on=DAY).invoke(
        "What does the kit of mission:other weigh?"
    )
    assert [one.id for one in found] == [KIT.id]


def test_a_question_without_a_word_finds_nothing() -> None:
    """Punctuation is no question."""
    assert MissionRetriever(library=answerer(), grants=EVERYONE, on=DAY).invoke("?!") == []
