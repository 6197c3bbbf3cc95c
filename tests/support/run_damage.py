"""Changes to the file of a saved run, as an accident or somebody's ill will would make them."""

import hashlib
import json

import torch

from makemore_tui.core.runs.checkpoint import _parsed, _serialized
from makemore_tui.core.runs.record import to_json

LENGTH = 8


def parts(path):
    """The header of a file, decoded, its record, decoded, and the bytes of the tensors."""
    content = path.read_bytes()
    begin = LENGTH + int.from_bytes(content[:LENGTH], "little")
    header = json.loads(content[LENGTH:begin])
    return header, json.loads(header["__metadata__"]["record"]), content[begin:]


def put(path, header, record, data):
    """Write a file with the right hash of its record."""
    text = record if isinstance(record, str) else to_json(record)
    digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()
    header = header | {"__metadata__": {"record": text, "record_sha256": digest}}
    content = json.dumps(header).encode()
    content += b" " * (-len(content) % 8)
    path.write_bytes(len(content).to_bytes(LENGTH, "little") + content + data)


def change_record(path, change):
    """Change the record, and its hash with it. change: gets the record as a dict."""
    header, record, data = parts(path)
    put(path, header, change(record) or record, data)


def change_tensors(path, change):
    """Change the tensors, and all hashes with them. change: gets a dict of tensors."""
    _, record, _ = parts(path)
    tensors = {name: t.clone() for name, t in _parsed(path, path.read_bytes()).items()}
    change(tensors)
    put_tensors(path, record, _serialized(tensors))


def put_tensors(path, record, content):
    """Write a safetensors file with a record that is right about it."""
    begin = LENGTH + int.from_bytes(content[:LENGTH], "little")
    data = content[begin:]
    record = record | {"tensors_sha256": hashlib.sha256(data).hexdigest()}
    put(path, json.loads(content[LENGTH:begin]), record, data)


def spoilt(number):
    """Replaces the last number of a tensor."""

    def spoil(tensor: torch.Tensor) -> torch.Tensor:
        tensor = tensor.clone()
        tensor.view(-1)[-1] = number
        return tensor

    return spoil
