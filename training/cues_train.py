"""Teaches the cue reader: the cues, their intensity and their words, with GoEmotions beside them.

    python training/cues_train.py --base DIR --data DIR --out DIR

Voices are never split: thresholds come from voices on which the fold did not train, and the voices in
HELD_BACK train nothing at all and only measure what is shipped.
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import encoder
import numpy as np
import torch
from network import (
    EKMAN,
    LONGEST,
    SENTIMENT,
    WORDS,
    Lower,
    Reader,
    batches,
    common_pieces,
    go_emotions,
    known_loss,
    messages,
    optimiser,
    pad,
    public_labels,
    schedule,
    spoken_emoji,
)
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from escalation.cues import CUES

SEED = 23
BATCH = 24
BESIDE = 8
"""Calm public texts, and comments of GoEmotions, in every batch."""
HELD_BACK = ("returned-and-adrift", "sarcastic-lawyer", "second-language-chemist")
JOINED = 15
"""Messages a voice that are joined to another of it while training: cues stand in longer texts too."""
CHOOSING = 10
"""Voices that choose the thresholds where there is but one course (`--folds 1`)."""
CALM = 2_000
COMMENTS = 5_000
CALM_CUES = {
    *("anxiety", "grief", "isolation", "embarrassment", "exposure", "conflict", "crisis"),
    *("pride", "curiosity", "relief", "legal", "asks_for_person"),
}
"""What a customer-service message is taken not to hold; about other cues it says nothing."""
PUBLIC = 28 + len(EKMAN) + len(SENTIMENT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A labelled message as the lower layers see it; `carrying` is 1 for tokens in words that a cue names.

    In `cues` and `public`, nan stands for a label that is not known.
    """

    lower: Tensor
    cues: tuple[float, ...] = (float("nan"),) * len(CUES)
    strength: tuple[float, ...] = (0.0,) * len(CUES)
    carrying: tuple[tuple[float, ...], ...] = ()
    public: tuple[float, ...] = (float("nan"),) * PUBLIC


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    """Turns texts into what the lower layers say of them."""

    tokenizer: Tokenizer
    lower: Lower

    def message(self, row: Mapping[str, Any]) -> Message:
        """A row of the corpus."""
        encoded = self.tokenizer.encode(row["text"])
        carrying = np.zeros((len(encoded.ids), len(CUES)))
        for name, cue in row["cues"].items():
            for start, end in _spans(row["text"], cue["words"]):
                inside = [bool(left < end and right > start) for left, right in encoded.offsets]
                carrying[inside, CUES.index(name)] = 1.0
        return Message(
            lower=self.lower.hidden(encoded.ids[:LONGEST]),
            cues=tuple(float(name in row["cues"]) for name in CUES),
            strength=tuple(row["cues"].get(name, {"intensity": 0.0})["intensity"] for name in CUES),
            carrying=tuple(map(tuple, carrying[:LONGEST])),
        )

    def states(self, text: str) -> Tensor:
        """A text without labels."""
        return self.lower.hidden(self.tokenizer.encode(text).ids[:64])


def _spans(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    starts = [(text.find(phrase), len(phrase)) for phrase in words]
    return [(start, start + length) for start, length in starts if start >= 0]


def join(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Two messages as one text that holds the cues of both."""
    return {
        "text": f"{first['text']} {second['text']}",
        "cues": {**second["cues"], **first["cues"]},
    }


def prepare(base: Path, data: Path, corpus: Path, out: Path) -> tuple[Tokens, dict[str, Any]]:
    """The base model with its vocabulary pruned to what people write; leaves base.npz and tokenizer.json."""
    weights, made = encoder.load_base(base)
    spoken = spoken_emoji(made)
    full = Tokenizer.from_str(json.dumps({**spoken, "truncation": None, "padding": None}))
    pruned, weights[WORDS] = encoder.prune(spoken, weights[WORDS], common_pieces(full, _texts(data, corpus)))
    places = "embeddings.position_embeddings.weight"
    weights[places] = weights[places][:LONGEST]
    used = {name: value for name, value in weights.items() if "position_ids" not in name and "pooler" not in name}
    out.mkdir(parents=True, exist_ok=True)
    np.savez(out / "base.npz", **used)
    (out / "tokenizer.json").write_text(json.dumps(pruned, ensure_ascii=False), encoding="utf-8")
    return Tokens(tokenizer=Tokenizer.from_str(json.dumps(pruned)), lower=Lower(used)), used


def _texts(data: Path, corpus: Path) -> list[str]:
    labels = public_labels(data / "goemotions")
    comments = [text for text, _ in go_emotions(data / "goemotions" / "train.tsv", labels)[::2]]
    own = [message["text"] for voice in messages(corpus).values() for message in voice]
    with gzip.open(data / "squad-a.json.gz", "rt", encoding="utf-8") as file:
        paragraphs = [paragraph["text"] for paragraph in json.load(file)["paragraphs"][::5]]
    return [*comments, *_service(data), *(own * 10), *paragraphs]


def _service(data: Path) -> list[str]:
    return (data / "multidogo" / "customers.txt").read_text(encoding="utf-8").splitlines()


def calm(tokens: Tokens, data: Path) -> list[Message]:
    """Customer-service messages, which are known to lack some cues."""
    known = tuple(0.0 if name in CALM_CUES else float("nan") for name in CUES)
    texts = random.Random(SEED).sample(_service(data), CALM)
    return [Message(lower=tokens.states(text), cues=known) for text in texts]


def comments(tokens: Tokens, data: Path) -> list[Message]:
    """A sample of GoEmotions' training split."""
    rows = go_emotions(data / "goemotions" / "train.tsv", public_labels(data / "goemotions"))
    chosen = random.Random(SEED).sample(rows, COMMENTS)
    return [Message(lower=tokens.states(text), public=target) for text, target in chosen]


def domain_loss(model: Reader, rows: Sequence[Message]) -> Tensor:
    """Cues, intensity where a cue is, and the words that carry it."""
    states, mask = pad([row.lower for row in rows])
    cues, degree, carrying = model.read_cues(model.hidden(states, mask), mask)
    target = torch.tensor([row.cues for row in rows])
    there = target > 0.5
    strength = torch.tensor([row.strength for row in rows])
    words = torch.zeros_like(carrying)
    for place, row in enumerate(rows):
        words[place, : len(row.carrying)] = torch.tensor(row.carrying)
    where = there[:, None, :] & mask[:, :, None].bool()
    loss = 5 * known_loss(cues, target, torch.ones(len(rows)))
    if there.any():
        told = functional.binary_cross_entropy_with_logits(carrying[where], words[where])
        strong = functional.binary_cross_entropy_with_logits(degree[there], strength[there])
        loss = loss + 0.3 * told + 0.3 * strong
    return loss


def beside_loss(model: Reader, rows: Sequence[Message]) -> Tensor:
    """Calm texts hold few cues, comments have public labels; both are short, so they run by themselves."""
    states, mask = pad([row.lower for row in rows])
    hidden = model.hidden(states, mask)
    even = torch.ones(len(rows))
    cues = known_loss(model.read_cues(hidden, mask)[0], torch.tensor([row.cues for row in rows]), even)
    public = known_loss(model.read_public(hidden, mask), torch.tensor([row.public for row in rows]), even)
    return cues + public


def train(
    model: Reader, own: Sequence[Message], still: Sequence[Message], public: Sequence[Message], epochs: int
) -> None:
    """Teaches the upper layers and the heads; every batch holds messages, calm public texts and comments."""
    chance = random.Random(SEED)
    optimise = optimiser(model, 1.5e-4, 2e-3)
    rate = torch.optim.lr_scheduler.LambdaLR(optimise, schedule(epochs * (len(own) // BATCH + 1)))
    model.train()
    for _ in range(epochs):
        for batch in batches([len(row.lower) for row in own], BATCH, chance):
            beside = [*chance.sample(still, BESIDE), *chance.sample(public, BESIDE)]
            loss = domain_loss(model, [own[place] for place in batch]) + beside_loss(model, beside)
            optimise.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimise.step()
            rate.step()


def probabilities(model: Reader, rows: Sequence[Message]) -> np.ndarray:
    """Each message's cues, 0..1."""
    model.eval()
    found = []
    with torch.no_grad():
        for start in range(0, len(rows), 32):
            states, mask = pad([row.lower for row in rows[start : start + 32]])
            found.append(model.read_cues(model.hidden(states, mask), mask)[0].sigmoid().numpy())
    return np.concatenate(found)


def thresholds(found: np.ndarray, true: np.ndarray, prior: float = 60.0) -> np.ndarray:
    """The best threshold a cue, drawn towards the one best for all where a cue has few examples.

    For a crisis a missed one counts twice a false alarm.
    """
    grid = np.linspace(0.05, 0.9, 86)
    hits = np.array([((found > level) & true).sum(0) for level in grid], float)
    said = np.array([(found > level).sum(0) for level in grid], float)
    beta = np.where([name == "crisis" for name in CUES], 2.0, 1.0) ** 2
    all_hits = hits.sum(1, keepdims=True) / max(1, true.sum()) * prior
    all_said = said.sum(1, keepdims=True) / max(1, true.sum()) * prior
    score = (1 + beta) * (hits + all_hits) / (beta * (true.sum(0) + prior) + said + all_said)
    best: np.ndarray = grid[score.argmax(0)]
    return best


def figures(said: np.ndarray, true: np.ndarray) -> dict[str, Any]:
    """Micro- and macro-F1, whole messages right, and each cue's precision, recall, F1 and count."""
    hit, found, there = (said & true).sum(0), said.sum(0), true.sum(0)
    each = 2 * hit / np.maximum(1, found + there)
    table = {
        name: {
            "precision": round(float(hit[place] / max(1, found[place])), 2),
            "recall": round(float(hit[place] / max(1, there[place])), 2),
            "f1": round(float(each[place]), 2),
            "messages": int(there[place]),
        }
        for place, name in enumerate(CUES)
    }
    return {
        "micro_f1": round(float(2 * hit.sum() / max(1, found.sum() + there.sum())), 3),
        "macro_f1": round(float(each[there > 0].mean()), 3),
        "exact": round(float((said == true).all(1).mean()), 3),
        "cues": table,
    }


def public_figures(model: Reader, tokens: Tokens, data: Path) -> dict[str, float]:
    """Macro-F1 at .3 on GoEmotions' development split."""
    rows = go_emotions(data / "goemotions" / "dev.tsv", public_labels(data / "goemotions"))
    model.eval()
    found = []
    with torch.no_grad():
        for text, _ in rows:
            states, mask = pad([tokens.states(text)])
            found.append(model.read_public(model.hidden(states, mask), mask).sigmoid().numpy())
    said = np.concatenate(found) > 0.3
    true = np.array([target for _, target in rows]) > 0.5
    f1 = 2 * (said & true).sum(0) / np.maximum(1, said.sum(0) + true.sum(0))
    parts = {"labels": f1[:28], "ekman": f1[28:35], "sentiment": f1[35:]}
    return {name: round(float(part.mean()), 3) for name, part in parts.items()}


def fresh(base: Mapping[str, Any]) -> Reader:
    """An untaught reader, the same at every call."""
    torch.manual_seed(SEED)
    return Reader(base, PUBLIC, len(CUES))


@dataclass(frozen=True, kw_only=True, slots=True)
class Course:
    """Everything that a course of teaching needs; courses run in processes of their own."""

    base: Mapping[str, Any]
    taught: Mapping[str, Sequence[Message]]
    voices: Mapping[str, Sequence[Message]]
    still: Sequence[Message]
    public: Sequence[Message]
    epochs: int

    def run(self, away: Sequence[str]) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """A reader taught by all voices but `away`, and what it says of those."""
        began = time.monotonic()
        torch.set_num_threads(1)
        model = fresh(self.base)
        rows = [row for name in self.taught if name not in away for row in self.taught[name]]
        train(model, rows, self.still, self.public, self.epochs)
        found = probabilities(model, [row for name in away for row in self.voices[name]])
        said = figures(found > 0.35, self.labels(away))["micro_f1"]
        taken = time.monotonic() - began
        print(f"{len(rows)} texts, {taken:.0f} s; {len(away)} other voices: micro-F1 {said} at .35", flush=True)
        return {name: value.numpy() for name, value in model.state_dict().items()}, found

    def labels(self, names: Sequence[str]) -> np.ndarray:
        """Which cues the messages of some voices hold."""
        return np.array([row.cues for name in names for row in self.voices[name]]) > 0.5


_RUNNING: list[Course] = []
"""The course, for processes that were forked after it was prepared: it is too large to be sent to them."""


def _run(away: Sequence[str]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    return _RUNNING[0].run(away)


def main() -> None:
    """Cross-validates over voices, chooses thresholds, teaches what is shipped: reader.pt and chosen.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, default=Path(__file__).parent / "messages")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tokens, base = prepare(arguments.base, arguments.data, arguments.corpus, arguments.out)
    rows = messages(arguments.corpus)
    chance = random.Random(SEED)
    voices = {voice: [tokens.message(row) for row in rows[voice]] for voice in rows}
    names = sorted(set(voices) - set(HELD_BACK))
    joined = {voice: [join(*chance.sample(rows[voice], 2)) for _ in range(JOINED)] for voice in names}
    course = Course(
        base=base,
        taught={voice: [*voices[voice], *map(tokens.message, joined[voice])] for voice in names},
        voices=voices,
        still=calm(tokens, arguments.data),
        public=comments(tokens, arguments.data),
        epochs=arguments.epochs,
    )
    print(f"{sum(map(len, voices.values()))} messages of {len(voices)} voices", flush=True)
    chance.shuffle(names)
    if arguments.folds == 1:
        courses = [(*HELD_BACK, *names[:CHOOSING])]
    else:
        courses = [HELD_BACK, *(names[fold :: arguments.folds] for fold in range(arguments.folds))]
    _RUNNING.append(course)
    with multiprocessing.get_context("fork").Pool(min(arguments.processes, len(courses))) as pool:
        (state, first), *folds = pool.map(_run, courses, chunksize=1)
    size = sum(len(voices[name]) for name in HELD_BACK)
    held, rest = first[:size], first[size:]
    true = np.concatenate([course.labels(away) for away in courses[1:] or [names[:CHOOSING]]])
    found = np.concatenate([rest, *(probability for _, probability in folds)])
    chosen = thresholds(found, true)
    print("voices that chose the thresholds", json.dumps(figures(found > chosen, true)), flush=True)
    print("held back", json.dumps(figures(held > chosen, course.labels(HELD_BACK))), flush=True)
    state = {name: torch.tensor(value) for name, value in state.items()}
    torch.save(state, arguments.out / "reader.pt")
    record = {"thresholds": dict(zip(CUES, np.round(chosen, 3).tolist(), strict=True))}
    (arguments.out / "chosen.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
    np.savez(arguments.out / "crossed.npz", found=found, true=true)
    model = fresh(base)
    model.load_state_dict(state)
    public = public_figures(model, tokens, arguments.data)
    print("GoEmotions dev, macro-F1 at .3", json.dumps(public), flush=True)


if __name__ == "__main__":
    main()
