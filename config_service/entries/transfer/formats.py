"""The formats by name, and the way from bytes to a document."""

from collections.abc import Callable
from dataclasses import dataclass

from config_service.entries.transfer import dotenv_file, json_file, properties_file, toml_file, yaml_file
from config_service.entries.transfer.documents import Document, fault
from config_service.errors import Invalid, TooLarge

MAX_FILE_BYTES = 16 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Format:
    """``suffixes`` are those of file names, the usual one first."""

    name: str
    media_type: str
    suffixes: tuple[str, ...]
    write: Callable[[Document], str]
    read: Callable[[str], Document]


FORMATS = {
    format.name: format
    for format in (
        Format("json", "application/json", (".json",), json_file.write, json_file.read),
        Format("yaml", "application/yaml", (".yaml", ".yml"), yaml_file.write, yaml_file.read),
        Format("toml", "application/toml", (".toml",), toml_file.write, toml_file.read),
        Format("env", "text/plain; charset=utf-8", (".env",), dotenv_file.write, dotenv_file.read),
        Format("properties", "text/x-java-properties; charset=utf-8", (".properties",), properties_file.write,
               properties_file.read),
    )
}  # fmt: skip


def find_format(name: str) -> Format:
    found = FORMATS.get(name)
    if found is None:
        raise Invalid.field("format", f"one of {', '.join(FORMATS)}")
    return found


def format_of_file(file_name: str) -> Format | None:
    """By its suffix; ``.env.local`` and ``prod.env`` are both environment files."""
    base = file_name.rpartition("/")[2]
    if base == ".env" or base.startswith(".env."):
        return FORMATS["env"]
    return next((one for one in FORMATS.values() if base.endswith(one.suffixes)), None)


def read_file(format: Format, data: bytes) -> Document:
    """Raises `Invalid` with the line, where that is known, and `TooLarge`."""
    if len(data) > MAX_FILE_BYTES:
        raise TooLarge.field("file", f"a file has at most {MAX_FILE_BYTES} bytes")
    data = data.removeprefix(_BOM)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise fault(f"not UTF-8: {error.reason} at byte {error.start}", line) from None
    return format.read(text)
