# SPDX-License-Identifier: Apache-2.0
"""Makes GGUF files for comparisons. Needs numpy.

  gguf_files.py convert --type f16|q8_0 IN.gguf OUT.gguf         the same model with its matrices in another type
  gguf_files.py random --shape qwen2.5-1.5b|llama-8b --type q8_0|q4_0 IN.gguf OUT.gguf
                                                               random weights of that shape, with the tokenizer of IN
Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; types F32 0, F16 1, Q4_0 2, Q4_1 3, Q8_0 8.
"""
import argparse
import struct

import numpy

ALIGNMENT = 32
TYPES = {"f32": 0, "f16": 1, "q4_0": 2, "q8_0": 8}
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
# layers, hidden, feed forward, query heads, key and value heads, size of a head, vocabulary, tied head
SHAPES = {
    "qwen2.5-1.5b": (28, 1536, 8960, 12, 2, 128, 151936, True),
    "llama-8b": (32, 4096, 14336, 32, 8, 128, 128256, False),
}


class Reader:
    """Metadata as (key, type, value) with arrays as (item type, list), and tensors as (name, shape, type, bytes)."""

    def __init__(self, path):
        self.data = numpy.memmap(path, dtype=numpy.uint8, mode="r")
        self.at = 0
        magic, _, tensors, entries = self.take("<4sIQQ")
        if magic != b"GGUF":
            raise SystemExit(f"{path} is no GGUF file")
        self.metadata = []
        for _ in range(entries):
            key = self.string()
            kind, = self.take("<I")
            self.metadata.append((key, kind, self.value(kind)))
        infos = []
        for _ in range(tensors):
            name = self.string()
            dims, = self.take("<I")
            shape = self.take(f"<{dims}Q")
            kind, offset = self.take("<IQ")
            infos.append((name, shape, kind, offset))
        start = (self.at + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
        self.tensors = [(name, shape, kind, self.data[start + offset:][:size(kind, shape)])
                        for name, shape, kind, offset in infos]

    def take(self, layout):
        values = struct.unpack_from(layout, self.data, self.at)
        self.at += struct.calcsize(layout)
        return values

    def string(self):
        length, = self.take("<Q")
        text = bytes(self.data[self.at:self.at + length])
        self.at += length
        return text.decode("utf-8", "surrogateescape")

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            item, count = self.take("<IQ")
            return item, [self.value(item) for _ in range(count)]
        return self.take("<" + SCALARS[kind])[0]


def size(kind, shape):
    count = int(numpy.prod(shape))
    return {0: count * 4, 1: count * 2, 2: count // 32 * 18, 3: count // 32 * 20, 8: count // 32 * 34}[kind]


def floats(kind, data):
    if kind == 0:
        return data.view(numpy.float32)
    if kind == 1:
        return data.view(numpy.float16).astype(numpy.float32)
    if kind == 8:
        block = data.reshape(-1, 34)
        scale = block[:, :2].copy().view(numpy.float16).astype(numpy.float32)
        return (scale * block[:, 2:].view(numpy.int8)).reshape(-1)
    head = 2 if kind == 2 else 4
    block = data.reshape(-1, head + 16)
    scale = block[:, :2].copy().view(numpy.float16).astype(numpy.float32)
    codes = numpy.concatenate([block[:, head:] & 15, block[:, head:] >> 4], axis=1).astype(numpy.float32)
    if kind == 2:
        return (scale * (codes - 8)).reshape(-1)
    least = block[:, 2:4].copy().view(numpy.float16).astype(numpy.float32)
    return (scale * codes + least).reshape(-1)


def encoded(kind, x):
    if kind == 0:
        return x.astype(numpy.float32).view(numpy.uint8).reshape(-1)
    if kind == 1:
        return x.astype(numpy.float16).view(numpy.uint8).reshape(-1)
    blocks = x.reshape(-1, 32)
    if kind == 8:
        scale = (numpy.abs(blocks).max(axis=1, keepdims=True) / 127).astype(numpy.float16)
        inverse = numpy.where(scale > 0, 1 / numpy.maximum(scale.astype(numpy.float32), 1e-30), 0)
        codes = numpy.clip(numpy.rint(blocks * inverse), -127, 127).astype(numpy.int8).view(numpy.uint8)
    else:
        most = numpy.take_along_axis(blocks, numpy.abs(blocks).argmax(axis=1)[:, None], axis=1)
        scale = (most / -8).astype(numpy.float16)
        inverse = numpy.where(scale != 0, 1 / numpy.where(scale == 0, 1, scale).astype(numpy.float32), 0)
        nibbles = numpy.clip(numpy.rint(blocks * inverse) + 8, 0, 15).astype(numpy.uint8)
        codes = nibbles[:, :16] | nibbles[:, 16:] << 4
    return numpy.concatenate([scale.view(numpy.uint8).reshape(-1, 2), codes], axis=1).reshape(-1)


class Writer:
    def __init__(self, path, metadata, tensors):
        """tensors: (name, shape, type, function that gives the bytes)"""
        with open(path, "wb") as out:
            self.out = out
            out.write(struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(metadata)))
            for key, kind, value in metadata:
                self.string(key)
                out.write(struct.pack("<I", kind))
                self.value(kind, value)
            offset = 0
            for name, shape, kind, _ in tensors:
                self.string(name)
                out.write(struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset))
                offset += (size(kind, shape) + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
            self.pad()
            for _, _, _, data in tensors:
                out.write(data().tobytes())
                self.pad()

    def pad(self):
        self.out.write(bytes(-self.out.tell() % ALIGNMENT))

    def string(self, text):
        data = text.encode("utf-8", "surrogateescape")
        self.out.write(struct.pack("<Q", len(data)) + data)

    def value(self, kind, value):
        if kind == STRING:
            self.string(value)
        elif kind == ARRAY:
            self.out.write(struct.pack("<IQ", value[0], len(value[1])))
            for item in value[1]:
                self.value(value[0], item)
        else:
            self.out.write(struct.pack("<" + SCALARS[kind], value))


def convert(source, path, kind):
    def changed(shape, old):
        return kind if len(shape) > 1 else old

    Writer(path, [(key, t, kind_of_file(kind) if key == "general.file_type" else value)
                  for key, t, value in source.metadata],
           [(name, shape, changed(shape, old),
             lambda data=data, shape=shape, old=old:
             data if changed(shape, old) == old else encoded(kind, floats(old, data)))
            for name, shape, old, data in source.tensors])


def kind_of_file(kind):
    return {1: 1, 2: 2, 8: 7}[kind]


def random(source, path, kind, shape):
    layers, hidden, ffn, heads, kv_heads, head, vocab, tied = SHAPES[shape]
    arch = "llama"
    metadata = [entry for entry in source.metadata if not entry[0].startswith(("general.", "llama."))]
    tokens = {key: value for key, _, value in metadata}
    for i, (key, t, value) in enumerate(metadata):
        if key == "tokenizer.ggml.tokens":
            fill = [f"<|unused_{n}|>" for n in range(len(value[1]), vocab)]
            metadata[i] = (key, t, (value[0], value[1] + fill))
        elif key == "tokenizer.ggml.token_type":
            metadata[i] = (key, t, (value[0], value[1] + [5] * (vocab - len(value[1]))))
        elif key == "tokenizer.ggml.scores":
            metadata[i] = (key, t, (value[0], value[1] + [0.0] * (vocab - len(value[1]))))
    del tokens
    metadata = [
        ("general.architecture", STRING, arch),
        ("general.name", STRING, f"random {shape}"),
        ("general.file_type", 4, kind_of_file(kind)),
        ("general.quantization_version", 4, 2),
        ("llama.block_count", 4, layers),
        ("llama.context_length", 4, 8192),
        ("llama.embedding_length", 4, hidden),
        ("llama.feed_forward_length", 4, ffn),
        ("llama.attention.head_count", 4, heads),
        ("llama.attention.head_count_kv", 4, kv_heads),
        ("llama.attention.layer_norm_rms_epsilon", 6, 1e-6),
        ("llama.rope.dimension_count", 4, head),
        ("llama.rope.freq_base", 6, 10000.0),
        ("llama.vocab_size", 4, vocab),
    ] + metadata

    generator = numpy.random.default_rng(7)
    def matrix(rows, columns):
        def data():
            parts = []
            for start in range(0, rows, 4096):
                count = min(4096, rows - start)
                parts.append(encoded(kind, generator.standard_normal((count, columns), numpy.float32) * (columns ** -0.5)))
            return numpy.concatenate(parts)
        return (columns, rows), kind, data

    def vector(count):
        return (count,), 0, lambda: numpy.ones(count, numpy.float32).view(numpy.uint8)

    tensors = [("token_embd.weight", *matrix(vocab, hidden))]
    for i in range(layers):
        for name, parts in (
                ("attn_norm", vector(hidden)), ("attn_q", matrix(heads * head, hidden)),
                ("attn_k", matrix(kv_heads * head, hidden)), ("attn_v", matrix(kv_heads * head, hidden)),
                ("attn_output", matrix(hidden, heads * head)), ("ffn_norm", vector(hidden)),
                ("ffn_gate", matrix(ffn, hidden)), ("ffn_up", matrix(ffn, hidden)), ("ffn_down", matrix(hidden, ffn))):
            tensors.append((f"blk.{i}.{name}.weight", *parts))
    tensors.append(("output_norm.weight", *vector(hidden)))
    if not tied:
        tensors.append(("output.weight", *matrix(vocab, hidden)))
    Writer(path, metadata, tensors)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("what", choices=["convert", "random"])
    args.add_argument("--type", choices=["f16", "q8_0", "q4_0"], required=True)
    args.add_argument("--shape", choices=list(SHAPES))
    args.add_argument("source")
    args.add_argument("out")
    args = args.parse_args()
    source = Reader(args.source)
    if args.what == "convert":
        convert(source, args.out, TYPES[args.type])
    else:
        random(source, args.out, TYPES[args.type], args.shape)


main()
