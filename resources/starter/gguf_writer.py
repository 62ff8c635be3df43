# SPDX-License-Identifier: MIT
"""A small writer for GGUF version 3, and the Q8_0 block format in both directions."""

import struct

import numpy as np

U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
TENSOR_F32, TENSOR_Q8_0 = 0, 8
ALIGNMENT = 32
BLOCK = 32  # weights in a Q8_0 block: one fp16 scale, 32 signed bytes


def q8_0(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """fp32 (..., n), n a multiple of 32 -> scales fp16 (..., n / 32) and quants int8 (..., n / 32, 32)."""
    blocks = weights.astype(np.float32).reshape(*weights.shape[:-1], -1, BLOCK)
    scale = np.abs(blocks).max(-1) / np.float32(127)
    inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)
    scaled = blocks * inverse[..., None]
    quants = np.sign(scaled) * np.floor(np.abs(scaled) + np.float32(0.5))  # halves away from zero
    return scale.astype(np.float16), quants.astype(np.int8)


def q8_0_values(weights: np.ndarray) -> np.ndarray:
    """What a reader sees after `weights` went through Q8_0."""
    scale, quants = q8_0(weights)
    return (scale.astype(np.float32)[..., None] * quants.astype(np.float32)).reshape(weights.shape)


def q8_0_bytes(weights: np.ndarray) -> bytes:
    scale, quants = q8_0(weights)
    out = np.empty((scale.size, 2 + BLOCK), np.uint8)
    out[:, :2] = scale.reshape(-1, 1).view(np.uint8)
    out[:, 2:] = quants.reshape(-1, BLOCK).view(np.uint8)
    return out.tobytes()


class Writer:
    def __init__(self):
        self.keys = []
        self.tensors = []

    @staticmethod
    def _string(text: str) -> bytes:
        encoded = text.encode("utf-8")
        return struct.pack("<Q", len(encoded)) + encoded

    def _value(self, kind: int, value) -> bytes:
        if kind == STRING:
            return self._string(value)
        return struct.pack({U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}[kind], value)

    def key(self, name: str, kind: int, value) -> None:
        self.keys.append(self._string(name) + struct.pack("<I", kind) + self._value(kind, value))

    def array(self, name: str, kind: int, values: list) -> None:
        head = self._string(name) + struct.pack("<IIQ", ARRAY, kind, len(values))
        self.keys.append(head + b"".join(self._value(kind, value) for value in values))

    def tensor(self, name: str, values: np.ndarray, quantise: bool) -> None:
        """`values` in C order; its last axis is GGUF's first."""
        values = np.ascontiguousarray(values, np.float32)
        data = q8_0_bytes(values) if quantise else values.tobytes()
        self.tensors.append((name, values.shape[::-1], TENSOR_Q8_0 if quantise else TENSOR_F32, data))

    def write(self, path: str) -> None:
        head = b"GGUF" + struct.pack("<IqQ", 3, len(self.tensors), len(self.keys)) + b"".join(self.keys)
        offset = 0
        for name, shape, kind, data in self.tensors:
            head += self._string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
            offset += len(data) + -len(data) % ALIGNMENT
        with open(path, "wb") as file:
            file.write(head + bytes(-len(head) % ALIGNMENT))
            for _, _, _, data in self.tensors:
                file.write(data + bytes(-len(data) % ALIGNMENT))
