"""The network of the cue reader while it learns, and what its scripts share.

All six layers of MiniLM read a message once. The word table and the lower layers stay as they are, rounded
to the four bits in which they are shipped, so what they say of a text is computed once and kept. The upper
layers learn, with their weights rounded at every step as they will be shipped.

Public heads (28 GoEmotions labels, Ekman's groups, sentiment) look at the mean of the tokens and at one
attention; domain heads look at the mean and at an attention of their own a cue. That attention is also taught
which words carried the cue, so the reader can quote them without a second pass.
"""

from __future__ import annotations

import csv
import json
import random
import re
import sys
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import encoder
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parents[1]))

HEADS = 12
WIDTH = 384
LAYERS = 6
LEARNING = 2
"""Layers that learn; those below them are kept."""
LONGEST = 128
VOCABULARY = 12_000
WORDS = "embeddings.word_embeddings.weight"

POSITIVE = [
    "admiration",
    "amusement",
    "approval",
    "caring",
    "desire",
    "excitement",
    "gratitude",
    "joy",
    "love",
    "optimism",
    "pride",
    "relief",
]
NEGATIVE = [
    "anger",
    "annoyance",
    "disappointment",
    "disapproval",
    "disgust",
    "embarrassment",
    "fear",
    "grief",
    "nervousness",
    "remorse",
    "sadness",
]
AMBIGUOUS = ["confusion", "curiosity", "realization", "surprise"]
EKMAN = {
    "anger": ["anger", "annoyance", "disapproval"],
    "disgust": ["disgust"],
    "fear": ["fear", "nervousness"],
    "joy": POSITIVE,
    "sadness": ["sadness", "disappointment", "embarrassment", "grief", "remorse"],
    "surprise": AMBIGUOUS,
    "neutral": ["neutral"],
}
SENTIMENT = {"positive": POSITIVE, "negative": NEGATIVE, "ambiguous": AMBIGUOUS, "neutral": ["neutral"]}

EMOJI = (
    "😀😃😄😁😆😅🤣😂🙂🙃😉😊😇🥰😍🤩😘😗😚😙😋😛😜🤪😝🤑🤗🤭🤫🤔🤐🤨😐😑😶😏😒🙄😬🤥😌😔😪🤤😴😷🤒🤕🤢🤮🤧🥵🥶🥴😵🤯🤠🥳😎🤓🧐😕😟🙁☹😮😯😲😳🥺😦😧😨😰😥😢😭"
    "😱😖😣😞😓😩😫🥱😤😡😠🤬😈👿💀💩🤡👻👽🤖❤🧡💛💚💙💜🖤💔❣💕💖💯💢💥💦💤👋👌🤞✌🤟👍👎👊👏🙌🙏💪🤷🤦🚀🛰🌍🌎🌏🌙⭐✨🔥🎉🎊🏆✅❌⚠🚨☠🩺💊🤝🫠🥲🫡😮‍💨"
)


def spoken_emoji(tokenizer: Mapping[str, Any]) -> dict[str, Any]:
    """The tokenizer with common emoji read as their names, which BERT's words would otherwise lose."""
    marks = sorted({mark for mark in EMOJI if mark not in "\u200d"})
    said = [_replace(mark, f" {unicodedata.name(mark).lower()} ") for mark in marks]
    quotes = [_replace(mark, "'") for mark in "’‘`´"] + [_replace(mark, '"') for mark in "“”„"]
    return {
        **tokenizer,
        "normalizer": {"type": "Sequence", "normalizers": [*said, *quotes, tokenizer["normalizer"]]},
    }


def _replace(mark: str, said: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"String": mark}, "content": said}


def common_pieces(tokenizer: Any, texts: Iterable[str], size: int = VOCABULARY) -> set[str]:
    """Single characters, then the pieces most used in the texts, then those that BERT itself counted as
    most frequent."""
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    used = Counter(piece for text in texts for piece in tokenizer.encode(text).tokens)
    order = sorted(vocabulary, key=lambda piece: (len(piece.removeprefix("##")) > 1, -used[piece], vocabulary[piece]))
    return set([piece for piece in order if _english(piece)][:size])


def _english(piece: str) -> bool:
    return not piece.startswith("[unused") and piece.removeprefix("##").isascii()


class Lower:
    """The part of the encoder that does not learn: texts to hidden states."""

    def __init__(self, base: Mapping[str, Any]) -> None:
        self._weights = {name: torch.tensor(shipped(name, np.array(value))) for name, value in base.items()}

    def hidden(self, ids: Sequence[int]) -> Tensor:
        """[tokens, 384] of one text."""
        with torch.no_grad():
            words = self._weights[WORDS][torch.tensor(ids)]
            places = self._weights["embeddings.position_embeddings.weight"][: len(ids)]
            segment = self._weights["embeddings.token_type_embeddings.weight"][0]
            hidden = _normalise(self._weights, (words + places + segment)[None], "embeddings.LayerNorm")
            mask = torch.ones(1, len(ids), dtype=torch.long)
            for number in range(LAYERS - LEARNING):
                hidden = layer(self._weights, hidden, mask, number, 0.0)
        return hidden[0]


def shipped(name: str, value: Any) -> Any:
    """A weight with the precision in which it is shipped."""
    if name == WORDS:
        return encoder.rounded_table(value)
    return encoder.rounded_to_four_bits(value) if rounds(name) else value


def rounds(name: str) -> bool:
    """Whether a weight is one of the matrices of a layer."""
    return name.startswith("encoder.layer.") and name.endswith("weight") and "LayerNorm" not in name


def rounded(weight: Tensor) -> Tensor:
    """The weight as it is shipped; the gradient passes as if it had not been rounded."""
    blocks = weight.detach().view(len(weight), -1, encoder.BLOCK)
    extreme = blocks.gather(2, blocks.abs().argmax(2, keepdim=True))
    scale = torch.where(extreme == 0, 1.0, extreme / -8)
    whole = (blocks / scale).round().clamp(-8, 7) * scale
    return weight + (whole.view_as(weight) - weight.detach())


def layer(weights: Mapping[str, Tensor], hidden: Tensor, mask: Tensor, number: int, drop: float) -> Tensor:
    """One transformer layer."""
    prefix = f"encoder.layer.{number}"
    batch, length, _ = hidden.shape
    parts = [_linear(weights, hidden, f"{prefix}.attention.self.{part}") for part in ("query", "key", "value")]
    query, key, value = (part.view(batch, length, HEADS, -1).transpose(1, 2) for part in parts)
    kept = mask[:, None, None, :].bool()
    attended = functional.scaled_dot_product_attention(query, key, value, kept, dropout_p=drop)
    attended = attended.transpose(1, 2).reshape(batch, length, WIDTH)
    first = functional.dropout(_linear(weights, attended, f"{prefix}.attention.output.dense"), drop)
    hidden = _normalise(weights, hidden + first, f"{prefix}.attention.output.LayerNorm")
    inner = functional.gelu(_linear(weights, hidden, f"{prefix}.intermediate.dense"))
    second = functional.dropout(_linear(weights, inner, f"{prefix}.output.dense"), drop)
    return _normalise(weights, hidden + second, f"{prefix}.output.LayerNorm")


def _linear(weights: Mapping[str, Tensor], value: Tensor, name: str) -> Tensor:
    return functional.linear(value, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _normalise(weights: Mapping[str, Tensor], value: Tensor, name: str) -> Tensor:
    scale, shift = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return functional.layer_norm(value, (WIDTH,), scale, shift, 1e-12)


class Reader(nn.Module):
    """The learning layers, under the names of the base model's file, and the heads."""

    def __init__(self, base: Mapping[str, Any], public: int, cues: int) -> None:
        super().__init__()
        names = [name for name in sorted(base) if _learns(name)]
        self.store = nn.ParameterDict({_key(name): nn.Parameter(torch.tensor(base[name])) for name in names})
        self.drop = nn.Dropout(0.1)
        self.public_attention = nn.Linear(WIDTH, 1)
        self.public = nn.Linear(2 * WIDTH, public)
        self.carrying = nn.Linear(WIDTH, cues)
        self.cue_mean = nn.Linear(WIDTH, cues)
        self.cue_words = nn.Parameter(torch.randn(cues, WIDTH) * 0.02)
        self.strength_mean = nn.Linear(WIDTH, cues)
        self.strength_words = nn.Parameter(torch.randn(cues, WIDTH) * 0.02)
        nn.init.constant_(self.cue_mean.bias, -3.0)
        nn.init.constant_(self.public.bias, -3.0)

    def weights(self) -> dict[str, Tensor]:
        """The learning layers by the base model's names, as they will be shipped."""
        named = {key.replace("/", "."): value for key, value in self.store.items()}
        return {name: rounded(value) if rounds(name) else value for name, value in named.items()}

    def hidden(self, lower: Tensor, mask: Tensor) -> Tensor:
        """The last layer's states from the lower layers' states: [batch, tokens, 384]."""
        weights = self.weights()
        for number in range(LAYERS - LEARNING, LAYERS):
            lower = layer(weights, lower, mask, number, 0.1 if self.training else 0.0)
        return lower

    def read_public(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Logits of the public labels."""
        scores = self.public_attention(hidden).masked_fill(mask[:, :, None] == 0, -1e4).softmax(1)
        pooled = torch.cat([mean(hidden, mask), (scores * hidden).sum(1)], 1)
        logits: Tensor = self.public(self.drop(pooled))
        return logits

    def read_cues(self, hidden: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of the cues, logits of their intensity, and [batch, tokens, cues] logits of carrying
        words."""
        carrying = self.carrying(hidden)
        shares = carrying.masked_fill(mask[:, :, None] == 0, -1e4).softmax(1)
        heard = self.drop(torch.einsum("btc,btw->bcw", shares, hidden))
        average = self.drop(mean(hidden, mask))
        cues = self.cue_mean(average) + (heard * self.cue_words).sum(2)
        strength = self.strength_mean(average) + (heard * self.strength_words).sum(2)
        return cues, strength, carrying


def _key(name: str) -> str:
    return name.replace(".", "/")


def _learns(name: str) -> bool:
    found = re.match(r"encoder\.layer\.(\d+)\.", name)
    return bool(found) and LAYERS - LEARNING <= int(found[1]) < LAYERS


def mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """The mean of the tokens that are there."""
    kept = mask[:, :, None].to(hidden.dtype)
    return (hidden * kept).sum(1) / kept.sum(1)


def pad(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """States and mask of a batch of texts."""
    states = nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
    mask = torch.zeros(states.shape[:2], dtype=torch.long)
    for place, row in enumerate(rows):
        mask[place, : len(row)] = 1
    return states, mask


def batches(lengths: Sequence[int], size: int, chance: random.Random) -> Iterator[list[int]]:
    """Random batches of texts of like length: hardly any padding."""
    order = list(range(len(lengths)))
    chance.shuffle(order)
    groups = [
        sorted(order[start : start + size * 40], key=lengths.__getitem__) for start in range(0, len(order), size * 40)
    ]
    made = [group[start : start + size] for group in groups for start in range(0, len(group), size)]
    chance.shuffle(made)
    yield from made


def optimiser(model: Reader, rate: float, head_rate: float) -> torch.optim.AdamW:
    """AdamW with a faster rate for the heads than for the encoder."""
    heads = [value for name, value in model.named_parameters() if not name.startswith("store.")]
    groups = [{"params": list(model.store.values()), "lr": rate}, {"params": heads, "lr": head_rate}]
    return torch.optim.AdamW(groups, weight_decay=0.01, fused=True)


def schedule(steps: int, warm: float = 0.06) -> Any:
    """Linear warm-up, then linear decay to nothing, as a factor of the step."""
    return lambda step: min((step + 1) / (warm * steps + 1), max(0.0, (steps - step) / (steps * (1 - warm))))


def known_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Binary cross-entropy over the labels that are known, the mean over labels and then over texts by
    weight."""
    known = ~target.isnan()
    each = functional.binary_cross_entropy_with_logits(logits, target.nan_to_num(), reduction="none")
    rows = (each * known).sum(1) / target.shape[1]
    return (rows * weight).sum() / weight.sum()


FIRST_NAMES = ["Sam", "Alex", "Maria", "Tom", "Anna", "Jack", "Lena", "Omar", "Priya", "Ken", "Julia", "Mark"]


def named(text: str) -> str:
    """GoEmotions masks names as [NAME]; a name reads more like what customers write."""
    return text.replace("[NAME]", FIRST_NAMES[zlib.crc32(text.encode()) % len(FIRST_NAMES)]).replace(
        "[RELIGION]", "religion"
    )


def go_emotions(file: Path, labels: Sequence[str]) -> list[tuple[str, tuple[float, ...]]]:
    """Texts with 28 + 7 + 4 targets."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE) if len(row) > 1]
    return [
        (named(row[0]), public_target({labels[int(number)] for number in row[1].split(",")}, labels)) for row in rows
    ]


def public_target(found: set[str], labels: Sequence[str]) -> tuple[float, ...]:
    """The 28 labels, Ekman's groups and the sentiment of a set of labels."""
    groups = [*EKMAN.values(), *SENTIMENT.values()]
    return (
        *(float(label in found) for label in labels),
        *(float(bool(found & set(group))) for group in groups),
    )


def public_labels(folder: Path) -> list[str]:
    """The 28 labels in the order of the data's numbers."""
    return (folder / "labels.txt").read_text(encoding="utf-8").split()


def service_target(labels: Sequence[str]) -> tuple[float, ...]:
    """A customer-service message is taken to hold no troubled emotion; nothing is said about other labels."""
    names = [*labels, *EKMAN, *SENTIMENT]
    troubled = {*NEGATIVE, "anger", "disgust", "fear", "sadness", "negative"}
    return tuple(0.0 if name in troubled else float("nan") for name in names)


def messages(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The domain's labelled messages by voice."""
    files = sorted(folder.glob("*.jsonl"))
    return {
        file.stem: [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]
        for file in files
    }
