"""JSON files (RFC 8259): the tree as it is."""

import json

from config_service.entries.transfer.documents import FILE_DEPTH, Document, fault, from_tree, to_tree
from config_service.entries.validation import parse_json
from config_service.errors import Invalid


def write(document: Document) -> str:
    return json.dumps(to_tree(document), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def read(text: str) -> Document:
    try:
        tree = parse_json(text, FILE_DEPTH)
    except Invalid as error:
        raise fault(error.detail) from error
    return from_tree(tree)
