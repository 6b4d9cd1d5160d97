"""Writes the trained cue reader as the package ships it, and measures exactly that.

python training/cues_export.py --stage DIR --data DIR

DIR of --stage is the --out of cues_train.py.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import encoder
import numpy as np
import onnx
import torch
from cues_train import HELD_BACK, PUBLIC, figures
from encoder import Graph
from network import LAYERS, Reader, messages
from onnx import TensorProto, helper

from escalation import crisis
from escalation.cues import CUES
from escalation.reader import OnnxReader


def load(stage: Path) -> tuple[Reader, dict[str, Any]]:
    """The taught network, and the base model's weights with the taught layers in their place."""
    base = dict(np.load(stage / "base.npz"))
    model = Reader(base, PUBLIC, len(CUES))
    model.load_state_dict(torch.load(stage / "reader.pt", weights_only=True))
    learned = {key.replace("/", "."): value.detach().numpy() for key, value in model.store.items()}
    return model, {**base, **learned}


def build(model: Reader, weights: dict[str, Any]) -> onnx.ModelProto:
    """The encoder with four-bit weights and the domain heads as they are."""
    graph = Graph()
    hidden = encoder.encode(graph, weights, LAYERS, bits=4, table_bits=4)
    average = encoder.mean(graph, hidden)
    carrying = _linear(graph, hidden, "carrying", model.carrying)
    shares = graph.op("Softmax", [graph.op("Add", [carrying, _absent(graph)])], axis=1)
    heard = graph.op("MatMul", [graph.op("Transpose", [shares], perm=[0, 2, 1]), hidden])
    graph.name_output(graph.op("Sigmoid", [carrying]), "carrying")
    for name, linear, words in (
        ("cues", model.cue_mean, model.cue_words),
        ("strength", model.strength_mean, model.strength_words),
    ):
        matrix = graph.constant(f"{name}.words", words.detach().numpy())
        axis = graph.constant("width_axis", np.array([2]))
        said = graph.op("ReduceSum", [graph.op("Mul", [heard, matrix]), axis], keepdims=0)
        total = graph.op("Add", [_linear(graph, average, name, linear), said])
        graph.name_output(graph.op("Sigmoid", [total]), name)
    shapes: list[tuple[str, list[Any]]] = [
        ("cues", ["batch", len(CUES)]),
        ("strength", ["batch", len(CUES)]),
        ("carrying", ["batch", "tokens", len(CUES)]),
    ]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes]
    return graph.model(encoder.token_inputs(), outputs)


def _linear(graph: Graph, value: str, name: str, linear: torch.nn.Linear) -> str:
    matrix = graph.constant(f"{name}.weight", linear.weight.detach().numpy().T)
    product = graph.op("MatMul", [value, matrix])
    return graph.op("Add", [product, graph.constant(f"{name}.bias", linear.bias.detach().numpy())])


def _absent(graph: Graph) -> str:
    """Very low where there is no token, nothing elsewhere: [batch, tokens, 1]."""
    mask = graph.op("Cast", ["mask"], to=TensorProto.FLOAT)
    low = graph.op("Sub", [mask, graph.constant("one", np.array(1, np.float32))])
    scaled = graph.op("Mul", [low, graph.constant("much", np.array(1e4, np.float32))])
    return graph.op("Unsqueeze", [scaled, graph.constant("end", np.array([2]))])


def held_back(reader: OnnxReader, corpus: Path) -> dict[str, Any]:
    """The whole reader, rules included, on the voices that nothing was trained on."""
    voices = messages(corpus)
    rows = [row for voice in HELD_BACK for row in voices[voice]]
    readings = [reader.read(row["text"]) for row in rows]
    found = [{cue.name: cue for cue in reading.cues} for reading in readings]
    said = np.array([[name in cues for name in CUES] for cues in found])
    true = np.array([[name in row["cues"] for name in CUES] for row in rows])
    both = [
        (cues[name], row["cues"][name])
        for cues, row in zip(found, rows, strict=True)
        for name in cues
        if name in row["cues"]
    ]
    return {
        **figures(said, true),
        "intensity_error": round(float(np.mean([abs(cue.intensity - wanted["intensity"]) for cue, wanted in both])), 3),
        "words_overlap": round(float(np.mean([_overlap(cue.words, wanted["words"]) for cue, wanted in both])), 3),
        "called_foreign": sum(reading.unread_language for reading in readings),
    }


def _overlap(found: Sequence[str], wanted: Sequence[str]) -> float:
    """F1 of the words quoted."""
    said, right = set(" ".join(found).lower().split()), set(" ".join(wanted).lower().split())
    return 2 * len(said & right) / max(1, len(said) + len(right))


def rules(corpus: Path, data: Path) -> dict[str, Any]:
    """What the plain rules find by themselves, and how often in public texts."""
    rows = [row for voice in messages(corpus).values() for row in voice]
    service = (data / "multidogo" / "customers.txt").read_text(encoding="utf-8").splitlines()
    comments = (data / "goemotions" / "dev.tsv").read_text(encoding="utf-8").splitlines()
    made: dict[str, Any] = {}
    for name, rule in (("crisis", crisis.crisis), ("asks_for_person", crisis.asks_for_person)):
        said = np.array([bool(rule(row["text"])) for row in rows])
        true = np.array([name in row["cues"] for row in rows])
        made[name] = {
            "right": int((said & true).sum()),
            "wrong": int((said & ~true).sum()),
            "left_to_the_network": int((true & ~said).sum()),
            "in_customer_service": sum(bool(rule(text)) for text in service),
            "in_comments": sum(bool(rule(line.split("\t")[0])) for line in comments),
        }
    return made


def alarms(reader: OnnxReader, data: Path, sample: int = 1500) -> dict[str, float]:
    """Share of customer-service messages in which each troubled cue is heard, those above 0.2 % only."""
    service = (data / "multidogo" / "customers.txt").read_text(encoding="utf-8").splitlines()[:sample]
    heard = [cue.name for text in service for cue in reader.read(text).cues]
    shares = {name: heard.count(name) / len(service) for name in CUES}
    return {name: round(share, 4) for name, share in shares.items() if share > 0.002}


def milliseconds(reader: OnnxReader, corpus: Path) -> dict[str, float]:
    """Time of a whole `read` on one core."""
    texts = [row["text"] for voice in HELD_BACK for row in messages(corpus)[voice]]
    taken = []
    for text in texts:
        began = time.thread_time()
        reader.read(text)
        taken.append((time.thread_time() - began) * 1e3)
    return {"median": round(float(np.median(taken)), 1), "p99": round(float(np.quantile(taken, 0.99)), 1)}


def main() -> None:
    """Writes escalation/models/cues and prints every figure."""
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--corpus", type=Path, default=here / "messages")
    parser.add_argument("--out", type=Path, default=here.parent / "escalation" / "models" / "cues")
    arguments = parser.parse_args()
    tokenizer = json.loads((arguments.stage / "tokenizer.json").read_text(encoding="utf-8"))
    encoder.write(build(*load(arguments.stage)), tokenizer, arguments.out)
    chosen = json.loads((arguments.stage / "chosen.json").read_text(encoding="utf-8"))
    card = {
        "version": "cues-1",
        "labels": list(CUES),
        "thresholds": chosen["thresholds"],
    }
    (arguments.out / "cues.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    reader = OnnxReader(arguments.out)
    print("size", round(sum(file.stat().st_size for file in arguments.out.iterdir()) / 1e6, 2), "MB")
    print("held back, whole reader", json.dumps(held_back(reader, arguments.corpus)))
    print("rules alone", json.dumps(rules(arguments.corpus, arguments.data)))
    print("heard in customer service", json.dumps(alarms(reader, arguments.data)))
    print("milliseconds a message, one core", json.dumps(milliseconds(reader, arguments.corpus)))


if __name__ == "__main__":
    main()
