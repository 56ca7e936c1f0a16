"""Java properties files: `java.util.Properties` reads them, and what it wrote is read here. UTF-8, escapes in ASCII."""

import javaproperties

from config_service.entries.transfer.directives import Line, document, said_and_text, said_first
from config_service.entries.transfer.documents import Document, fault


def write(held: Document) -> str:
    lines = [said_first(held.header)]
    for item in held.items:
        said, text = said_and_text(item, item.key)
        lines += [*said, javaproperties.join_key_value(item.key, text)]
    return "\n".join(lines) + "\n"


def read(text: str) -> Document:
    return document(_lines(text))


def _lines(text: str) -> list[Line]:
    found = []
    number = 1
    elements = iter(javaproperties.parse(text))
    while True:
        try:
            element = next(elements, None)
        except javaproperties.InvalidUEscapeError as error:
            raise fault(str(error), number) from None
        if element is None:
            return found
        if isinstance(element, javaproperties.Comment):
            found.append(Line(None, element.source, number))
        elif isinstance(element, javaproperties.KeyValue):
            found.append(Line(element.key, element.value, number))
        source = element.source
        number += source.count("\n") + source.count("\r") - source.count("\r\n")
