"""Trains how sure is sure enough: the weights in knowledge/models/answering.json.

    python -m training.abstention [--squad squad-a.json.gz] [--write]

Reads the question collections in training/collections (and, where given, questions of SQuAD whose titles the pair
reader was not trained on), measures with one collection left out at a time, prints every figure, and with `--write`
fits on all of them and writes the file. Questions without an answer are of four kinds: those written as such, those
whose answering passages are taken out, those of other collections, and SQuAD's own.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from numpy.typing import NDArray

from knowledge import embedding, pairing
from knowledge.answer import Answerer, Reading
from knowledge.documents import read, scan
from knowledge.evidence import ANSWER_FEATURES, UNIT_FEATURES
from knowledge.judge import SHIPPED, Judge, Scale, for_statements
from knowledge.lexical import common_words
from knowledge.pairing import ShippedPairs, Text
from knowledge.passages import Passage

COLLECTIONS: Final = Path(__file__).parent / "collections"
TAUGHT_PAIRS: Final = frozenset(
    {
        "capsule-landing-and-return",
        "high-altitude-balloon-capsule",
        "launch-site-visit",
        "lunar-flyby-charter",
        "mars-analogue-habitat",
        "microgravity-lab-services",
        "parabolic-and-centrifuge",
        "accessible-flights",
        "after-landing",
        "agency-astronauts",
        "broker-contracts",
        "cell-culture-lab",
        "crystal-foundry",
        "culture-and-museums",
        "first-steps",
        "flight-medicine",
        "lunar-loop",
        "orbital-manufacturing",
        "polar-orbit-seat",
        "press-and-sponsors",
        "residency-weightless",
        "schools-in-orbit",
        "suborbital-hop",
        "training-village",
        "university-cubesats",
        "space-agency-payload-handover",
        "spacewalk-preparation",
        "station-guesthouse",
        "student-experiments",
        "suborbital-spaceplane",
    }
)
"""Collections that the pair reader learns from: its odds say too much there, so the judge must not learn from them."""
BESIDE: Final = {"squad"}  # learnt from, not measured or mixed with the collections
EVERYONE: Final = frozenset({"everyone"})
DAY: Final = date(2027, 1, 1)
HELD_OUT_TITLES: Final = ("Normans", "Kenya", "Apollo program", "Pharmacy")
FALSE_ANSWERS: Final = 0.1
"""Aimed at on collections that are left out; nearly three quarters of what has no answer there are near misses.
On the three packs that were measured (one of them the example) it came out between 0 and 4 %.
"""

PRECISIONS: Final = (0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.96, 0.97, 0.98, 0.99)
FEWEST: Final = 100
"""Answers, at least, of which a share says anything."""
REMOVED_EVERY: Final = 3
"""Every so many-th answerable question is also asked of the passages that are left without its answer."""

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A question with what a right answer holds; `kind` says where it comes from."""

    text: str
    document: str | None  # None: the passages do not answer it
    contains: tuple[str, ...]
    kind: str  # "written" | "removed" | "foreign" | "squad"


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """Passages with the questions asked of them."""

    name: str
    passages: tuple[Passage, ...]
    asked: tuple[Asked, ...]


class Kept:
    """Vectors and pair odds, computed once: every fold reads the same texts."""

    def __init__(self, pairs: Path, vectors: dict[str, NDArray[np.float32]]) -> None:
        self._encoder = embedding.MiniLM()
        self._pairs = ShippedPairs(pairs)
        self._vectors = vectors
        self._odds: dict[tuple[str, Text], float] = {}

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row a text."""
        missing = [t for t in dict.fromkeys(texts) if t not in self._vectors]
        if missing:
            self._vectors.update(zip(missing, self._encoder.vectors(missing), strict=True))
        return np.array([self._vectors[t] for t in texts], np.float32)

    def odds(self, question: str, texts: Sequence[Text]) -> NDArray[np.float32]:
        """One number a text."""
        missing = [t for t in dict.fromkeys(texts) if (question, t) not in self._odds]
        if missing:
            found = self._pairs.odds(question, missing)
            self._odds.update({(question, t): float(o) for t, o in zip(missing, found, strict=True)})
        return np.array([self._odds[question, t] for t in texts], np.float32)


def models(names: Sequence[str], left_out: Sequence[str]) -> dict[str, Kept]:
    """For each corpus the pair reader that has not seen it; where none is given, the shipped one."""
    vectors: dict[str, NDArray[np.float32]] = {}
    shipped = Kept(pairing.SHIPPED, vectors)
    found = dict.fromkeys(names, shipped)
    for option in left_out:
        file, _, unseen = option.partition(":")
        kept = Kept(Path(file), vectors)
        found.update({name: kept for name in unseen.split(",") if name in found})
    return found


class InMemory:
    """A dense index without a store."""

    def __init__(self, passages: Sequence[Passage], kept: Kept) -> None:
        self._passages = passages
        self._vectors = kept.vectors([f"{p.title}. {p.heading}. {p.text}" for p in passages])

    def nearest(
        self, vector: NDArray[np.float32], grants: frozenset[str], on: date, k: int
    ) -> list[tuple[Passage, float]]:
        """The k nearest; everything here is for everyone."""
        cosines = self._vectors @ vector
        return [(self._passages[i], float(cosines[i])) for i in np.argsort(-cosines)[:k]]


# ---------------------------------------------------------------- questions


def folders() -> list[Path]:
    """The collections' folders."""
    return [folder for folder in sorted(COLLECTIONS.iterdir()) if folder.is_dir()]


def collection(folder: Path) -> Corpus:
    """One folder of training/collections; its documents are for everyone here."""
    metas, problems = scan(folder / "documents")
    if problems:
        raise SystemExit(f"{folder}: {problems[0]}")
    passages = [replace(p, audience=EVERYONE) for meta in metas for p in read(folder / "documents", meta)]
    asked = [
        Asked(text=q["ask"], document=q["source"], contains=tuple(q["contains"]), kind="written")
        for q in yaml.safe_load((folder / "questions.yaml").read_text(encoding="utf-8"))
    ]
    return Corpus(name=folder.name, passages=tuple(passages), asked=tuple(asked))


def squad(file: Path, count: int) -> Corpus:
    """Paragraphs of the held-out titles among all the others, with `count` of their questions."""
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        data = json.load(stream)
    passages = [
        Passage(
            id=f"{p['id']}", document=f"{p['id']}", title=p["title"], anchor="", heading="", text=p["text"],
            kind="paragraph", position=0, audience=EVERYONE,
        )
        for p in data["paragraphs"] if p["title"] in HELD_OUT_TITLES or p["id"] % 3 == 0
    ]  # fmt: skip
    asked = {
        q["question"]: Asked(
            text=q["question"],
            document=f"{q['paragraph']}" if q["answers"] else None,
            contains=(min(q["answers"], key=len),) if q["answers"] else (),
            kind="squad",
        )
        for q in data["questions"]
        if q["title"] in HELD_OUT_TITLES
    }
    chosen = np.random.default_rng(7).permutation(list(asked))[:count]
    return Corpus(name="squad", passages=tuple(passages), asked=tuple(asked[str(q)] for q in chosen))


def without_answers(corpus: Corpus) -> Iterable[tuple[tuple[Passage, ...], Asked]]:
    """Each answerable question with the passages that are left when those that answer it are taken out."""
    for question in corpus.asked:
        if question.document is not None:
            left = [p for p in corpus.passages if not _answers(p, question)]
            yield tuple(left), replace(question, document=None, contains=(), kind="removed")


def _answers(passage: Passage, question: Asked) -> bool:
    return passage.document == question.document and any(folded(c) in folded(passage.text) for c in question.contains)


def folded(text: str) -> str:
    """As PACK.md compares: case, white space and Markdown emphasis folded."""
    return " ".join(text.replace("*", "").replace("_", "").casefold().split())


# ---------------------------------------------------------------- reading


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """One question as read by one judge."""

    asked: Asked
    reading: Reading

    @property
    def right(self) -> bool:
        """Whether the answer holds what it must and cites the right document first."""
        if self.asked.document is None or not self.reading.chosen:
            return False
        said = folded(" ".join(u.text for u in self.reading.chosen))
        first = self.reading.chosen[0].passage.document
        return first == self.asked.document and all(folded(c) in said for c in self.asked.contains)


class Bench:
    """Reads all questions of all corpora with a given judge."""

    def __init__(self, corpora: Sequence[Corpus], by_name: Mapping[str, Kept]) -> None:
        """`by_name`: for each corpus models that were not trained on it."""
        self._by_name = by_name
        self._known = common_words()
        self._work: list[tuple[str, tuple[Passage, ...], InMemory, list[Asked]]] = []
        for corpus in corpora:
            kept = by_name[corpus.name]
            foreign = [
                replace(q, document=None, contains=(), kind="foreign")
                for other in _others(corpora, corpus)
                for q in other.asked[:: 6] if q.document
            ]  # fmt: skip
            everything = InMemory(corpus.passages, kept)
            self._work.append((corpus.name, corpus.passages, everything, [*corpus.asked, *foreign]))
            if corpus.name not in BESIDE:
                for left, question in islice(without_answers(corpus), 0, None, REMOVED_EVERY):
                    self._work.append((corpus.name, left, InMemory(left, kept), [question]))
        self._answerers: dict[int, Answerer] = {}

    def read(self, judge: Judge, *, all_kinds: bool = True) -> list[tuple[str, Example]]:
        """Every question, or those that are written in the collections, with the name of its corpus."""
        examples = []
        for number, (name, passages, dense, questions) in enumerate(self._work):
            asked = [q for q in questions if all_kinds or q.kind in _UNIT_WEIGHT]
            if not asked:
                continue
            print(f"reading {number + 1} of {len(self._work)}", end="\r", file=sys.stderr, flush=True)
            if number not in self._answerers:
                kept = self._by_name[name]
                self._answerers[number] = Answerer(
                    passages, dense=dense, encoder=kept, pairs=kept, judge=judge, known=self._known
                )
            answerer = self._answerers[number]
            answerer.judge = judge
            examples += [(name, Example(asked=q, reading=answerer.read(q.text, EVERYONE, DAY))) for q in asked]
        return examples


def _others(corpora: Sequence[Corpus], corpus: Corpus) -> list[Corpus]:
    """Three collections whose questions this one is asked too."""
    if corpus.name in BESIDE:
        return []
    among = [other for other in corpora if other.name not in BESIDE]
    place = among.index(corpus)
    return [among[(place + step) % len(among)] for step in (1, 2, 3) if step < len(among)]


# ---------------------------------------------------------------- fitting


def fit(x: Array, y: Array, weight: Array, features: tuple[str, ...], ridge: float) -> Scale:
    """Logistic regression by Newton's method; the ridge pulls every weight but the bias towards zero."""
    mean = np.average(x, axis=0, weights=weight)
    spread = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weight))
    spread = np.where(spread < 1e-6, 1.0, spread)
    z = np.hstack([np.clip((x - mean) / spread, -4, 4), np.ones((len(x), 1))])
    pull = np.full(z.shape[1], ridge)
    pull[-1] = 1e-6
    w = np.zeros(z.shape[1])
    for _ in range(40):
        p = 1 / (1 + np.exp(-z @ w))
        gradient = z.T @ (weight * (p - y)) + pull * w
        hessian = (z * (weight * p * (1 - p))[:, None]).T @ z + np.diag(pull)
        step = np.linalg.solve(hessian, gradient)
        w -= step
        if np.abs(step).max() < 1e-6:
            break
    return Scale(
        features=features,
        mean=tuple(mean.tolist()),
        spread=tuple(spread.tolist()),
        weights=tuple(w[:-1].tolist()),
        bias=float(w[-1]),
    )


_UNIT_WEIGHT: Final = {"written": 1.0, "squad": 0.15}
_ANSWER_WEIGHT: Final = {"written": 1.0, "removed": 0.5, "foreign": 0.15, "squad": 0.15}


def fit_units(examples: Sequence[Example], ridge: float = 3.0) -> Scale:
    """Which sentence answers: right ones against the others read for the same question."""
    x: list[tuple[float, ...]] = []
    y: list[float] = []
    weight: list[float] = []
    for example in examples:
        asked = example.asked
        if asked.document is None or asked.kind not in _UNIT_WEIGHT:
            continue
        hits = [
            w.unit.passage.document == asked.document and any(folded(c) in folded(w.unit.text) for c in asked.contains)
            for w in example.reading.ranked
        ]
        if any(hits):
            x += [w.numbers for w in example.reading.ranked]
            y += [float(h) for h in hits]
            weight += [_UNIT_WEIGHT[asked.kind]] * len(hits)
    return fit(np.array(x), np.array(y), np.array(weight), UNIT_FEATURES, ridge)


def fit_answers(examples: Sequence[Example], ridge: float = 15.0) -> Scale:
    """Whether the answer is right and so to be given."""
    kept = [e for e in examples if e.reading.numbers and not Judge.is_doubtful(e.reading.numbers)]
    x = np.array([e.reading.numbers for e in kept])
    y = np.array([float(e.right) for e in kept])
    weight = np.array([_ANSWER_WEIGHT[e.asked.kind] for e in kept])
    return fit(x, y, weight, ANSWER_FEATURES, ridge)


def start() -> Judge:
    """Weights by hand, for the first reading."""
    by_hand = {
        "fit": 1.0,
        "cosine_unit": 3.0,
        "covered": 2.0,
        "covered_context": 1.5,
        "holds": 0.5,
        "pair": 0.7,
    }
    n, m = len(UNIT_FEATURES), len(ANSWER_FEATURES)
    unit = Scale(
        features=UNIT_FEATURES, mean=(0.0,) * n, spread=(1.0,) * n,
        weights=tuple(by_hand.get(f, 0.0) for f in UNIT_FEATURES), bias=0.0,
    )  # fmt: skip
    answer = Scale(features=ANSWER_FEATURES, mean=(0.0,) * m, spread=(1.0,) * m, weights=(0.0,) * m, bias=0.0)
    return Judge(unit=unit, answer=answer, threshold=0.5, statement_threshold=0.8)


def measured(bench: Bench, names: Sequence[str]) -> list[tuple[str, Example, float]]:
    """Every example of the named collections, read once, with its probability by a judge that has not seen its
    collection. The few weights that choose a sentence are fitted to all: they change hardly without one of them.
    """
    return left_out(read_once(bench)[1], names)


def read_once(bench: Bench) -> tuple[Scale, list[tuple[str, Example]]]:
    """The weights that choose a sentence, and everything as it is read with them."""
    unit = fit_units([e for _, e in bench.read(start(), all_kinds=False)])
    return unit, bench.read(replace(start(), unit=unit))


def left_out(examples: Sequence[tuple[str, Example]], names: Sequence[str]) -> list[tuple[str, Example, float]]:
    """Every example of the named collections with the probability that a judge gives it which has not seen its
    collection.
    """
    scored: list[tuple[str, Example, float]] = []
    for name in names:
        judge = replace(start(), answer=fit_answers([e for n, e in examples if n != name]))
        scored += [(n, e, probability(judge, e)) for n, e in examples if n == name]
    return scored


def probability(judge: Judge, example: Example) -> float:
    """How likely the example's answer is right, by this judge; 0 where nothing was found."""
    return judge.probability(example.reading.numbers) if example.reading.numbers else 0.0


# ---------------------------------------------------------------- figures


def recall_at(right: Array, wrong: Array, limit: float, total: int) -> tuple[float, float]:
    """Share of `total` answered rightly with the lowest threshold at which at most `limit` of `wrong` are answered."""
    ordered = np.sort(wrong)[::-1]
    threshold = float(ordered[int(limit * len(ordered))]) + 1e-9
    return float((right >= threshold).sum()) / total, threshold


def report(scored: Sequence[tuple[str, Example, float]], title: str, threshold: float | None = None) -> float:
    """Prints the figures of written questions; returns the threshold that holds false answers at `FALSE_ANSWERS`."""
    written = [(e, p) for _, e, p in scored if e.asked.kind == "written"]
    right = np.array([p for e, p in written if e.right])
    wrong = np.array([p for e, p in written if e.asked.document is None])
    answerable = sum(e.asked.document is not None for e, _ in written)
    best, found = recall_at(right, wrong, FALSE_ANSWERS, answerable)
    used = found if threshold is None else threshold
    removed = np.array([p for _, e, p in scored if e.asked.kind == "removed"])
    misled = sum(p >= used for e, p in written if e.asked.document is not None and not e.right)
    print(
        f"{title:28s} right if all are answered {len(right) / answerable:.3f}"
        f" | recall at {FALSE_ANSWERS:.0%} false {best:.3f}"
        f" | at threshold {used:.3f}: right {float((right >= used).sum()) / answerable:.3f},"
        f" wrong {misled / answerable:.3f}, false {float((wrong >= used).mean()):.3f},"
        f" false with the answer taken out {float((removed >= used).mean()) if len(removed) else 0:.3f}"
    )
    return found


def precisions(scored: Sequence[tuple[str, Example, float]]) -> list[tuple[float, float]]:
    """From which threshold on what share of the answers to written questions is right."""
    written = sorted((p, e.right) for _, e, p in scored if e.asked.kind == "written")
    found: list[tuple[float, float]] = []
    for wanted in PRECISIONS:
        reached = [
            p for n, (p, _) in enumerate(written[:-FEWEST]) if np.mean([right for _, right in written[n:]]) >= wanted
        ]
        if reached:
            found.append((wanted, max(reached[0], found[-1][1] if found else 0.0)))
    return found


def main() -> None:
    """Measures with one collection left out at a time; with --write also fits on all and writes the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--squad", type=Path)
    parser.add_argument("--squad-questions", type=int, default=400)
    parser.add_argument(
        "--pairs",
        action="append",
        default=[],
        metavar="FILE:NAME,NAME",
        help="another pair reader than the shipped one, for these collections",
    )
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--failures", action="store_true", help="print every question that goes wrong")
    arguments = parser.parse_args()
    corpora = [collection(folder) for folder in folders() if folder.name not in TAUGHT_PAIRS]
    names = [corpus.name for corpus in corpora]
    if arguments.squad:
        corpora.append(squad(arguments.squad, arguments.squad_questions))
    bench = Bench(corpora, models([corpus.name for corpus in corpora], arguments.pairs))
    unit, examples = read_once(bench)
    scored = left_out(examples, names)
    threshold = report(scored, "left out, all")
    for name in names:
        report([s for s in scored if s[0] == name], name, threshold)
    if arguments.failures:
        failures(scored, threshold)
    judge = replace(start(), unit=unit, answer=fit_answers([e for _, e in examples]))
    report([(n, e, probability(judge, e)) for n, e in examples], "seen in training", threshold)
    show(judge)
    if arguments.write:
        write(judge, threshold, precisions(scored))


def failures(scored: Sequence[tuple[str, Example, float]], threshold: float) -> None:
    """Prints what went wrong, for people."""
    for name, example, p in scored:
        asked = example.asked
        settled = (p >= threshold) == example.right and (example.right or asked.document is None)
        if asked.kind != "written" or settled:
            continue
        said = " / ".join(u.text for u in example.reading.chosen)[:220]
        first = example.reading.chosen[0].passage.document if example.reading.chosen else None
        verdict = (
            "FALSE"
            if asked.document is None
            else "missed"
            if example.right
            else "WRONG"
            if p >= threshold
            else "wrong, kept back"
        )
        print(
            f"  {verdict:16s} {p:.2f} {name[:8]} | {asked.text} | {asked.contains} {asked.document} | {first}: {said}"
        )


def show(judge: Judge) -> None:
    """Prints the weights, the strongest first."""
    for title, scale in (("unit", judge.unit), ("answer", judge.answer)):
        pairs = sorted(zip(scale.features, scale.weights, strict=True), key=lambda p: -abs(p[1]))
        print(title, " ".join(f"{feature} {weight:+.2f}" for feature, weight in pairs))


def write(judge: Judge, threshold: float, reached: Sequence[tuple[float, float]]) -> None:
    """Writes the weights with as many digits as matter."""

    def values(scale: Scale) -> dict[str, Any]:
        numbers = {k: [round(v, 5) for v in getattr(scale, k)] for k in ("mean", "spread", "weights")}
        return {"features": list(scale.features), **numbers, "bias": round(scale.bias, 5)}

    statement = for_statements(threshold)
    made = {
        "made_by": "training/abstention.py",
        "threshold": round(threshold, 4),
        "statement_threshold": round(statement, 4),
        "reached": [[precision, round(at, 4)] for precision, at in reached],
        "unit": values(judge.unit),
        "answer": values(judge.answer),
    }
    SHIPPED.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {SHIPPED.name}: threshold {threshold:.4f}, for statements {statement:.4f}")


if __name__ == "__main__":
    main()
