"""Trains the pair reader, knowledge/models/answering/pairs.onnx: does this text answer this question?

It is all-MiniLM-L6-v2 made to read a question and a text together. First stage: questions of SQuAD with windows of
the paragraphs that answer them, windows of the same paragraphs that do not, SQuAD 2.0's unanswerable questions, and
paragraphs that merely share words; after a round of these the texts of training/texts among them, each with questions
that it answers and questions that it only seems to answer. Second stage (`--start`): the texts, what the answerer reads
with the questions of thirty of training/collections, and some pairs of SQuAD. The other collections are kept from it:
training/abstention.py learns from them how far its odds can be trusted.

Needs torch and safetensors beside the project's own requirements; hours on two cores:

    python -m training.pairs --base DIR --squad squad-a.json.gz --out first.pt
    python -m training.pairs --base DIR --squad squad-a.json.gz --start first.pt --out last.pt --onnx pairs.onnx
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import math
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from knowledge import embedding, pairing
from knowledge.answer import Answerer, Reading, as_text
from knowledge.lexical import common_words
from knowledge.pairing import Text
from training import abstention, encoder

HELD_OUT: Final = frozenset(abstention.HELD_OUT_TITLES)
TEXTS: Final = Path(__file__).parent / "texts"
REPEATED: Final = 1200  # questions of SQuAD among a round's pairs
WINDOW: Final = 52  # tokens, roughly, of a paragraph that are read with a question
FROZEN_LAYERS: Final = 2
POSITIONS: Final = pairing.QUESTION_TOKENS + pairing.BEFORE_TOKENS + pairing.TEXT_TOKENS
EACH: Final = 0.5  # how much it matters that each text is judged rightly by itself, beside which is chosen
POINTED: Final = 0.15  # and that the answer's words are found


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A text that is read with a question, after what stands before it on its page; `spans` are the answer's words, for
    the second task of the first stage.
    """

    text: Text
    answers: bool
    spans: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A question with texts of which some answer it, or none does."""

    question: str
    pairs: tuple[Pair, ...]


# ---------------------------------------------------------------- the network


class Layer(nn.Module):
    """One transformer layer of BERT's kind."""

    def __init__(self, width: int = 384, inner: int = 1536) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(width, width) for _ in range(4))
        self.n1, self.n2 = nn.LayerNorm(width, 1e-12), nn.LayerNorm(width, 1e-12)
        self.i, self.d = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: Tensor, mask: Tensor, dropout: float) -> Tensor:
        """Hidden states to hidden states."""
        batch, tokens, width = x.shape

        def heads(y: Tensor) -> Tensor:
            return y.view(batch, tokens, encoder.HEADS, -1).transpose(1, 2)

        seen = functional.scaled_dot_product_attention(
            heads(self.q(x)), heads(self.k(x)), heads(self.v(x)), attn_mask=mask
        )
        seen = seen.transpose(1, 2).reshape(batch, tokens, width)
        x = self.n1(x + functional.dropout(self.o(seen), dropout, self.training))
        inner = functional.gelu(self.i(x))
        return self.n2(x + functional.dropout(self.d(inner), dropout, self.training))  # type: ignore[no-any-return]  # torch


class PairNetwork(nn.Module):
    """The encoder with a head on its first token and its text's mean; `span` points at the answer's words."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.p, self.t = nn.Embedding(30522, 384), nn.Embedding(512, 384), nn.Embedding(2, 384)
        self.n = nn.LayerNorm(384, 1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(6))
        self.cls, self.span = nn.Linear(768, 1), nn.Linear(384, 2)
        for head in (self.cls, self.span):
            nn.init.normal_(head.weight, 0, 0.02)
            nn.init.zeros_(head.bias)

    def forward(self, ids: Tensor, kinds: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        """Log-odds that the text answers, and where the answer begins and ends."""
        x = self.n(self.w(ids) + self.p(torch.arange(ids.shape[1]))[None] + self.t(kinds))
        mask = (1.0 - kept[:, None, None, :].float()) * -1e4
        with torch.no_grad() if self.training else contextlib.nullcontext():
            for layer in self.layers[:FROZEN_LAYERS]:
                x = layer(x, mask, 0.0)
        for layer in self.layers[FROZEN_LAYERS:]:
            x = layer(x, mask, 0.05)
        text = (kinds * kept).unsqueeze(-1).float()
        mean = (x * text).sum(1) / text.sum(1).clamp(min=1)
        return self.cls(torch.cat([x[:, 0], mean], -1)).squeeze(-1), self.span(x) + (1 - text) * -1e4

    def freeze(self) -> list[nn.Parameter]:
        """Keeps the embeddings and the first layers as they are; returns what is trained."""
        for part in (self.w, self.p, self.t, self.n, *self.layers[:FROZEN_LAYERS]):
            part.requires_grad_(False)
        return [p for p in self.parameters() if p.requires_grad]


_PARTS: Final = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "o": "attention.output.dense",
    "n1": "attention.output.LayerNorm",
    "i": "intermediate.dense",
    "d": "output.dense",
    "n2": "output.LayerNorm",
}


def names() -> dict[str, str]:
    """The network's parameter names and the ones that the base model's file has for them."""
    found = {
        f"{a}.weight": f"embeddings.{b}_embeddings.weight"
        for a, b in zip("wpt", ("word", "position", "token_type"), strict=True)
    }
    found |= {f"n.{x}": f"embeddings.LayerNorm.{x}" for x in ("weight", "bias")}
    for number in range(6):
        for ours, theirs in _PARTS.items():
            for x in ("weight", "bias"):
                found[f"layers.{number}.{ours}.{x}"] = f"encoder.layer.{number}.{theirs}.{x}"
    return found


def network(base: Path, start: Path | None) -> PairNetwork:
    """The base model with new heads, or what an earlier run has left."""
    made = PairNetwork()
    if start is not None:
        made.load_state_dict(torch.load(start))
        return made
    weights, _ = encoder.load_base(base)
    made.load_state_dict({ours: torch.tensor(weights[theirs]) for ours, theirs in names().items()}, strict=False)
    return made


# ---------------------------------------------------------------- first stage: SQuAD

_STOP: Final = frozenset(
    re.findall(
        r"\w+",
        "a an the of to in on at for by with and or is are was were be been do does did what which who whom "
        "whose when where why how that this it its as from many much have has had can could would should will i "
        "you we they he she my your our their there",
    )
)


def _words(text: str) -> list[str]:
    return [w for w in re.findall(r"[a-z0-9]+", text.lower()) if w not in _STOP]


def _sentences(text: str) -> list[str]:
    return [s for s in re.split(r'(?<=[.!?])\s+(?=[A-Z0-9"“(])', text) if s.strip()]


class Squad:
    """Pairs from SQuAD; a new draw every time."""

    def __init__(self, file: Path, dice: random.Random) -> None:
        with gzip.open(file, "rt", encoding="utf-8") as stream:
            data = json.load(stream)
        self._dice = dice
        self._title = {p["id"]: p["title"] or "" for p in data["paragraphs"]}
        self._text = {p["id"]: _sentences(p["text"]) for p in data["paragraphs"]}
        self._holding: dict[str, list[int]] = defaultdict(list)
        for p in data["paragraphs"]:
            for word in set(_words(p["text"])):
                self._holding[word].append(p["id"])
        distinct = {(q["question"], q["paragraph"], bool(q["answers"])): q for q in data["questions"]}
        self.questions = [q for q in distinct.values() if q["title"] not in HELD_OUT]
        self.held_out = [q for q in distinct.values() if q["title"] in HELD_OUT]

    def choice(self, question: Mapping[str, Any]) -> Choice:
        """What answers, what of the same paragraph does not, and half the time something from elsewhere."""
        own, asked, answers = question["paragraph"], question["question"], tuple(question["answers"])
        found: list[Pair] = []
        hits = [n for n, s in enumerate(self._text[own]) if any(a in s for a in answers)]
        rest = [n for n in range(len(self._text[own])) if n not in hits]
        if hits:
            best = max(hits, key=lambda n: self._shared(asked, self._text[own][n]))
            found.append(self._pair(own, best, (), answers))
        if hits or not answers:
            near = sorted(rest, key=lambda n: -self._shared(asked, self._text[own][n]))[:4]
            places = near[:1] + self._dice.sample(near[1:], min(1, len(near) - 1)) if near else []
            found += [self._pair(own, place, hits, ()) for place in places]
        if self._dice.random() < 0.5 and (others := self._elsewhere(asked, own)):
            other = self._dice.choice(others)
            place = self._nearest(asked, other)
            if not any(a in self._text[other][place] for a in answers):
                found.append(self._pair(other, place, (), ()))
        return Choice(question=asked, pairs=tuple(found))

    def _pair(self, paragraph: int, place: int, avoid: Collection[int], spans: tuple[str, ...]) -> Pair:
        first, last = self._window(paragraph, place, avoid)
        before = [f"{self._title[paragraph]}."] if self._dice.random() < 0.7 else []
        if first > 0 and self._dice.random() < 0.8:
            before.append(self._text[paragraph][first - 1])
        text = Text(before=" ".join(before), said=" ".join(self._text[paragraph][first : last + 1]))
        return Pair(text=text, answers=bool(spans), spans=spans)

    def _window(self, paragraph: int, place: int, avoid: Collection[int]) -> tuple[int, int]:
        """From which sentence to which: this one alone, or with some of its neighbours, none of them in `avoid`."""
        text = self._text[paragraph]
        first = last = place
        size = 1.4 * len(text[place].split())
        while self._dice.random() > 0.6:
            sides = [n for n in (first - 1, last + 1) if 0 <= n < len(text) and n not in avoid]
            sides = [n for n in sides if size + 1.4 * len(text[n].split()) < WINDOW]
            if not sides:
                break
            new = self._dice.choice(sides)
            size += 1.4 * len(text[new].split())
            first, last = min(first, new), max(last, new)
        return first, last

    def _weight(self, word: str) -> float:
        return math.log(1 + len(self._text) / (1 + len(self._holding.get(word, ()))))

    def _shared(self, asked: str, text: str) -> float:
        return sum(self._weight(w) for w in set(_words(asked)) & set(_words(text)))

    def _nearest(self, asked: str, paragraph: int) -> int:
        return max(range(len(self._text[paragraph])), key=lambda n: self._shared(asked, self._text[paragraph][n]))

    def _elsewhere(self, asked: str, own: int) -> list[int]:
        scores: Counter[int] = Counter()
        for word in set(_words(asked)):
            for paragraph in self._holding.get(word, ()):
                scores[paragraph] += self._weight(word)  # type: ignore[assignment]  # a counter of floats
        return [p for p, _ in scores.most_common(5) if p != own][:4]


# ---------------------------------------------------------------- second stage: texts with questions beside them


def of_texts(lines: Sequence[Mapping[str, Any]], dice: random.Random) -> list[Choice]:
    """Each text with the questions that it answers, those that it does not, and one of a text near it."""
    found = []
    for number, line in enumerate(lines):
        text = _read_as(line)
        near = lines[(number + dice.choice((-2, -1, 1, 2))) % len(lines)]
        beside = dice.choice(line["yes"])
        for asked in line["yes"]:
            others = (Pair(text=_read_as(near), answers=False),) if asked == beside else ()
            found.append(Choice(question=asked, pairs=(Pair(text=text, answers=True), *others)))
        found += [Choice(question=asked, pairs=(Pair(text=text, answers=False),)) for asked in line["no"]]
    return found


def _read_as(line: Mapping[str, Any]) -> Text:
    """The text as the answerer shows it: after its headings."""
    return Text(before=f"{line['context'].replace(' › ', '. ')}.", said=line["text"])


def of_collections() -> list[Choice]:
    """What the answerer reads with each question of the collections that teach: what answers it, and what came nearest.

    The sentences are chosen as they are for an answer, so that the reader learns what it will be asked.
    """
    judge, known, encoder = abstention.start(), common_words(), abstention.Kept(pairing.SHIPPED, {})
    found = []
    for folder in abstention.folders():
        if folder.name not in abstention.TAUGHT_PAIRS:
            continue
        corpus = abstention.collection(folder)
        dense = abstention.InMemory(corpus.passages, encoder)
        answerer = Answerer(corpus.passages, dense=dense, encoder=encoder, pairs=encoder, judge=judge, known=known)
        for asked in corpus.asked:
            found.append(_read_with(asked, answerer.read(asked.text, abstention.EVERYONE, abstention.DAY)))
    return found


def _read_with(asked: abstention.Asked, reading: Reading) -> Choice:
    wanted = [abstention.folded(one) for one in asked.contains]
    read = [(as_text(w.unit), w.unit.text, w.unit.passage.document) for w in reading.ranked]
    if len(reading.chosen) > 1:
        joined = as_text(*reading.chosen)
        read.append((joined, joined.said, reading.chosen[0].passage.document))
    pairs = []
    for text, own, document in read:
        holds = [one in abstention.folded(own) for one in wanted]
        if not wanted or not any(holds):
            pairs.append(Pair(text=text, answers=False))
        elif all(holds) and document == asked.document:
            pairs.append(Pair(text=text, answers=True))
    return Choice(question=asked.text, pairs=tuple(pairs))


def texts() -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """The lines of training/texts to learn from, and every twelfth, to measure with."""
    lines = [json.loads(line) for file in sorted(TEXTS.glob("*.jsonl")) for line in file.open(encoding="utf-8")]
    return [line for number, line in enumerate(lines) if number % 12], lines[::12]


# ---------------------------------------------------------------- training

_BEFORE: Final = (
    "please tell me ",
    "i'd like to know ",
    "hi, quick question: ",
    "hello! ",
    "could you tell me ",
    "just wondering, ",
    "one more thing, ",
    "hey ",
    "do you know ",
)


def as_typed(question: str, dice: random.Random) -> str:
    """The question as somebody in a hurry might type it: key words only, a preamble, a slip, no question mark."""
    chance = dice.random()
    if chance < 0.12:
        kept = [w for w in question.rstrip("?").split() if w.lower() not in _STOP or dice.random() < 0.2]
        question = " ".join(kept) if len(kept) >= 2 else question
    elif chance < 0.22:
        question = dice.choice(_BEFORE) + question[0].lower() + question[1:]
    place = dice.randrange(len(question))
    if dice.random() < 0.12 and question[place].isalpha():
        doubled = question[place] * dice.choice((0, 2))
        question = question[:place] + doubled + question[place + 1 :]
    return question.rstrip("?") if dice.random() < 0.3 else question


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Padded tensors of some choices' pairs; `choice` says whose each is, `first` and `last` are -1 where no answer is
    marked.
    """

    ids: Tensor
    kinds: Tensor
    kept: Tensor
    choice: Tensor
    answers: Tensor
    first: Tensor
    last: Tensor


def batch(choices: Sequence[Choice], tokenizer: Tokenizer, dice: random.Random | None) -> Batch:
    """Tensors of the pairs; without dice the questions are taken as they are."""
    rows = [row for one in choices for row in _rows(one, tokenizer, dice)]
    longest = max(len(asked) + len(text) for asked, text, _, _ in rows)
    ids, kinds, kept = (torch.zeros(len(rows), longest, dtype=torch.long) for _ in range(3))
    for n, (asked, text, _, _) in enumerate(rows):
        size = len(asked) + len(text)
        ids[n, :size] = torch.tensor(asked + text)
        kinds[n, len(asked) : size] = 1
        kept[n, :size] = 1
    return Batch(
        ids=ids,
        kinds=kinds,
        kept=kept,
        choice=torch.tensor([n for n, one in enumerate(choices) for _ in one.pairs]),
        answers=torch.tensor([float(pair.answers) for one in choices for pair in one.pairs]),
        first=torch.tensor([r[2] for r in rows]),
        last=torch.tensor([r[3] for r in rows]),
    )


Row = tuple[list[int], list[int], int, int]


def _rows(choice: Choice, tokenizer: Tokenizer, dice: random.Random | None) -> list[Row]:
    question = choice.question if dice is None else as_typed(choice.question, dice)
    asked = _cut(tokenizer.encode(question).ids, pairing.QUESTION_TOKENS)
    return [_row(asked, pair, tokenizer) for pair in choice.pairs]


def _row(asked: list[int], pair: Pair, tokenizer: Tokenizer) -> Row:
    before = pairing.latest(tokenizer.encode(pair.text.before).ids[1:], pairing.BEFORE_TOKENS)
    asked = asked + before
    read = tokenizer.encode(pair.text.said)
    text = _cut(read.ids[1:], pairing.TEXT_TOKENS)
    for span in sorted(pair.spans, key=len):
        place = pair.text.said.find(span)
        if place >= 0:
            first, last = read.char_to_token(place), read.char_to_token(place + len(span) - 1)
            if first is not None and last is not None and last < len(text):
                return asked, text, len(asked) + first - 1, len(asked) + last - 1
    return asked, text, -1, -1


def _cut(ids: list[int], limit: int) -> list[int]:
    return ids if len(ids) <= limit else [*ids[: limit - 1], ids[-1]]


def train(
    made: PairNetwork,
    rounds: Sequence[Sequence[Choice]],
    tokenizer: Tokenizer,
    rate: float,
    size: int,
    dice: random.Random,
) -> None:
    """Every choice of every round once, in batches of about `size` pairs of like length, the rate falling to almost
    nothing.
    """
    trained = made.freeze()
    batches = [some for choices in rounds for some in _batches(choices, size, dice)]
    optimiser = torch.optim.AdamW(trained, lr=1.0, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: rate * min(1.0, (step + 1) / 50) * max(0.03, 1 - step / len(batches))
    )
    made.train()
    begun = time.monotonic()
    for step, some in enumerate(batches, start=1):
        loss = _loss(made, batch(some, tokenizer, dice))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        schedule.step()
        if step % 50 == 0:
            left = (time.monotonic() - begun) / step * (len(batches) - step) / 60
            print(f"step {step} of {len(batches)}, loss {loss.item():.3f}, {left:.0f} minutes left", flush=True)


def _batches(choices: Sequence[Choice], size: int, dice: random.Random) -> list[list[Choice]]:
    def length(choice: Choice) -> int:
        return len(choice.question) + max(len(p.text.before) + len(p.text.said) for p in choice.pairs)

    ordered = sorted(dice.sample(list(choices), len(choices)), key=length)
    made: list[list[Choice]] = [[]]
    for choice in ordered:
        if made[-1] and sum(len(one.pairs) for one in made[-1]) + len(choice.pairs) > size:
            made.append([])
        made[-1].append(choice)
    dice.shuffle(made)
    return made


def _loss(made: PairNetwork, some: Batch) -> Tensor:
    """Which of a choice's texts answers, or that none does; and of each text by itself whether it answers."""
    odds, spans = made(some.ids, some.kinds, some.kept)
    loss = _chosen(odds, some) + EACH * functional.binary_cross_entropy_with_logits(odds, some.answers)
    marked = some.first >= 0
    if bool(marked.any()):
        first = functional.cross_entropy(spans[marked][:, :, 0], some.first[marked])
        last = functional.cross_entropy(spans[marked][:, :, 1], some.last[marked])
        loss = loss + POINTED * (first + last)
    return loss


def _chosen(odds: Tensor, some: Batch) -> Tensor:
    """Cross-entropy of the choice among its texts and "none of them", whose log-odds are nought."""
    choices = int(some.choice.max()) + 1
    each = torch.full((choices, len(odds) + 1), -1e4)
    each[some.choice, torch.arange(len(odds))] = odds
    each[:, -1] = 0.0
    right = torch.full_like(each, -1e4)
    answers = some.answers > 0
    right[some.choice[answers], torch.arange(len(odds))[answers]] = odds[answers]
    answered = torch.zeros(choices, dtype=torch.bool)
    answered[some.choice[answers]] = True
    right[~answered, -1] = 0.0
    return (each.logsumexp(1) - right.logsumexp(1)).mean()


def first_stage(squad: Squad, lines: Sequence[Mapping[str, Any]], dice: random.Random) -> list[list[Choice]]:
    """Two rounds of SQuAD, the second with every line's pairs."""
    rounds = [_usable(squad.choice(q) for q in squad.questions) for _ in range(2)]
    return [rounds[0], rounds[1] + of_texts(lines, dice)]


def second_stage(
    squad: Squad, lines: Sequence[Mapping[str, Any]], dice: random.Random, rounds: int = 3
) -> list[list[Choice]]:
    """Each round every line's pairs and what was read with the collections' questions, and some questions of SQuAD."""
    read = _usable(of_collections())
    made = []
    for _ in range(rounds):
        others = _usable(squad.choice(question) for question in dice.sample(squad.questions, REPEATED))
        made.append(of_texts(lines, dice) + read + others)
    return made


def _usable(choices: Iterable[Choice]) -> list[Choice]:
    return [choice for choice in choices if choice.pairs]


def area(made: PairNetwork, choices: Sequence[Choice], tokenizer: Tokenizer) -> float:
    """Area under the curve: how often a pair that answers has higher odds than one that does not."""
    made.eval()
    odds: list[float] = []
    with torch.no_grad():
        for i in range(0, len(choices), 16):
            some = batch(choices[i : i + 16], tokenizer, None)
            odds += made(some.ids, some.kinds, some.kept)[0].tolist()
    answers = [pair.answers for choice in choices for pair in choice.pairs]
    right = np.array([o for o, a in zip(odds, answers, strict=True) if a])
    wrong = np.array([o for o, a in zip(odds, answers, strict=True) if not a])
    return float((right[:, None] > wrong[None, :]).mean())


# ---------------------------------------------------------------- the file


def graph(made: PairNetwork, base: Path) -> onnx.ModelProto:
    """The network with eight-bit layers and a four-bit word table, on the shipped tokenizer's numbering."""
    state = {name: value.detach().numpy().astype(np.float32) for name, value in made.state_dict().items()}
    weights = {theirs: state[ours] for ours, theirs in names().items()}
    _, tokenizer = encoder.load_base(base)
    shipped = json.loads((embedding.SHIPPED / "tokenizer.json").read_text(encoding="utf-8"))
    keep = set(shipped["model"]["vocab"])
    pruned, table = encoder.prune(tokenizer, weights["embeddings.word_embeddings.weight"], keep)
    if pruned["model"]["vocab"] != shipped["model"]["vocab"]:
        raise SystemExit(f"{embedding.SHIPPED}: the shipped tokenizer is not a part of the base model's")
    built = encoder.Graph()
    hidden = _embedded(built, weights, table)
    for number in range(6):
        hidden = encoder.layer(built, weights, hidden, "mask", number, 8)
    _head(built, state, hidden)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT32, ["batch", "tokens"]) for name in ("ids", "kinds", "mask")
    ]
    return built.model(inputs, [helper.make_tensor_value_info("odds", TensorProto.FLOAT, ["batch"])])


def _embedded(built: encoder.Graph, weights: encoder.Weights, table: encoder.Array) -> str:
    words = encoder._look_up_words(built, table, "ids", 4)
    length = built.op("Shape", ["ids"], start=1, end=2)
    start, axis = (built.constant(name, np.array([0])) for name in ("start", "axis"))
    places = built.constant("places", weights["embeddings.position_embeddings.weight"][:POSITIONS])
    placed = built.op("Slice", [places, start, length, axis])
    kinds = built.op(
        "Gather", [built.constant("kinds.table", weights["embeddings.token_type_embeddings.weight"]), "kinds"]
    )
    total = built.op("Add", [built.op("Add", [words, placed]), kinds])
    return encoder._normalise(built, total, weights, "embeddings.LayerNorm")


def _head(built: encoder.Graph, state: Mapping[str, encoder.Array], hidden: str) -> None:
    end, axis = built.constant("end", np.array([2])), built.constant("token_axis", np.array([1]))
    text = built.op("Unsqueeze", [built.op("Cast", ["kinds"], to=TensorProto.FLOAT), end])
    total = built.op("ReduceSum", [built.op("Mul", [hidden, text]), axis], keepdims=0)
    mean = built.op("Div", [total, built.op("ReduceSum", [text, axis], keepdims=0)])
    first = built.op("Squeeze", [built.op("Gather", [hidden, built.constant("first", np.array([0]))], axis=1), axis])
    both = built.op("Concat", [first, mean], axis=-1)
    product = built.op("MatMul", [both, built.constant("head", state["cls.weight"].T)])
    odds = built.op("Add", [product, built.constant("head.bias", state["cls.bias"])])
    built.name_output(built.op("Squeeze", [odds, built.constant("last_axis", np.array([1]))]), "odds")


def main() -> None:
    """Runs one stage, prints its figure and writes what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--base", type=Path, required=True, help="model.safetensors and tokenizer.json of all-MiniLM-L6-v2"
    )
    parser.add_argument("--squad", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="the first stage's result: run the second")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--onnx", type=Path)
    arguments = parser.parse_args()
    dice = random.Random(5)
    torch.manual_seed(5)
    squad = Squad(arguments.squad, dice)
    tokenizer = Tokenizer.from_file(str(arguments.base / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    made = network(arguments.base, arguments.start)
    lines, held_out = texts()
    if arguments.start is None:
        train(made, first_stage(squad, lines, dice), tokenizer, 1.2e-4, 24, dice)
    else:
        train(made, second_stage(squad, lines, dice), tokenizer, 1e-4, 24, dice)
    foreign = _usable(squad.choice(question) for question in squad.held_out[::3])
    own = [
        Choice(question=asked, pairs=(Pair(text=_read_as(line), answers=answers),))
        for line in held_out
        for answers, kind in ((True, "yes"), (False, "no"))
        for asked in line[kind]
    ]
    print(f"area under the curve: held-out SQuAD titles {area(made, foreign, tokenizer):.3f}", end=", ")
    print(f"held-out texts {area(made, own, tokenizer):.3f}")
    if arguments.out:
        torch.save(made.state_dict(), arguments.out)
    if arguments.onnx:
        arguments.onnx.write_bytes(graph(made, arguments.base).SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
