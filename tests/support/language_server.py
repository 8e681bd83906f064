"""The real yaml-language-server, spoken to as an editor does: LSP over its stdin and stdout."""

from __future__ import annotations

import json
import queue
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

SETTINGS: Mapping[str, Any] = {
    "yaml": {
        "validate": True,
        "hover": True,
        "completion": True,
        "schemaStore": {"enable": False},  # nothing from the network
        "yamlVersion": "1.2",
    },
    "http": {},
    "[yaml]": {"editor.tabSize": 2},
    "editor": {"tabSize": 2},
    "files": {},
}
_CAPABILITIES: Mapping[str, Any] = {
    "workspace": {"configuration": True, "workspaceFolders": True},
    "textDocument": {
        "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown", "plaintext"]}},
        "hover": {"contentFormat": ["markdown", "plaintext"]},
        "publishDiagnostics": {},
    },
}
CURSOR = "|"
PROGRAM = Path(__file__).parents[2] / ".editor/node_modules/yaml-language-server/bin/yaml-language-server"


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing the editor offers to insert."""

    label: str
    inserts: str
    documentation: str


class LanguageServer:
    """One running server and the files an editor has open in it."""

    def __init__(self, process: subprocess.Popen[bytes], root: Path, schemas: Mapping[str, Any]) -> None:
        self._process, self._root = process, root
        self._settings = {**SETTINGS, "yaml": {**SETTINGS["yaml"], "schemas": schemas}}
        self._answers: dict[int, queue.Queue[Any]] = {}
        self._diagnostics: queue.Queue[Any] = queue.Queue()
        self._opened = 0
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()
        folder = {"uri": root.as_uri(), "name": "project"}
        self._ask(
            "initialize", processId=None, rootUri=root.as_uri(), workspaceFolders=[folder], capabilities=_CAPABILITIES
        )
        self._tell("initialized")
        self._tell("workspace/didChangeConfiguration", settings=self._settings)

    def complete(self, path: str, text: str) -> list[Offer]:
        """Return what is offered at the cursor mark of a text, opened as the file *path* of the project."""
        with self._open(path, *_at_cursor(text)) as place:
            found = self._ask("textDocument/completion", **place)
        items = found["items"] if isinstance(found, dict) else found or []
        return [_offer(item) for item in sorted(items, key=lambda item: str(item.get("sortText") or item["label"]))]

    def hover(self, path: str, text: str) -> str:
        """Return the markdown shown when the mouse rests on the cursor mark."""
        with self._open(path, *_at_cursor(text)) as place:
            found = self._ask("textDocument/hover", **place)
        contents = found["contents"] if found else ""
        shown = str(contents["value"] if isinstance(contents, dict) else contents)
        return re.sub(r"\n*Source: \[.*", "", shown).strip()

    def diagnose(self, path: str, text: str) -> list[str]:
        """Return the squiggles in a text, each as `line:column message`."""
        return self.diagnose_all({path: text})[path]

    def diagnose_all(self, texts: Mapping[str, str]) -> dict[str, list[str]]:
        """Return the squiggles in texts that are open at the same time, which is faster than one after the other."""
        with ExitStack() as stack:
            for path, text in texts.items():
                stack.enter_context(self._open(path, text, (0, 0)))
            uris = {(self._root / path).as_uri(): path for path in texts}
            found: dict[str, list[str]] = {}
            while len(found) < len(texts):
                told = self._diagnostics.get(timeout=60)
                placed = sorted(told["diagnostics"], key=lambda item: tuple(item["range"]["start"].values()))
                found[uris[told["uri"]]] = [_squiggle(item) for item in placed]
        return found

    @contextmanager
    def _open(self, path: str, text: str, position: tuple[int, int]) -> Iterator[dict[str, Any]]:
        self._opened += 1
        uri = (self._root / path).as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": self._opened, "text": text}
        place = {"textDocument": {"uri": uri}, "position": dict(zip(("line", "character"), position, strict=True))}
        self._tell("textDocument/didOpen", textDocument=document)
        yield place
        self._tell("textDocument/didClose", textDocument={"uri": uri})
        self._ask("textDocument/hover", **place)  # when it is answered, closing has cleared the squiggles
        while not self._diagnostics.empty():
            self._diagnostics.get()

    def _ask(self, method: str, **params: Any) -> Any:
        number = len(self._answers) + 1
        self._answers[number] = queue.Queue()
        self._send({"id": number, "method": method, "params": params})
        answer = self._answers[number].get(timeout=60)
        assert "error" not in answer, answer
        return answer.get("result")

    def _tell(self, method: str, **params: Any) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: Mapping[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        stream = self._process.stdin
        assert stream is not None
        stream.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        stream.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        while (message := _read(self._process.stdout)) is not None:
            if "method" not in message:
                self._answers[message["id"]].put(message)
            elif message["method"] == "textDocument/publishDiagnostics":
                self._diagnostics.put(message["params"])
            elif "id" in message:
                self._send({"id": message["id"], "result": self._answer(message)})

    def _answer(self, request: Mapping[str, Any]) -> Any:
        if request["method"] == "workspace/configuration":
            return [self._settings.get(item.get("section", ""), {}) for item in request["params"]["items"]]
        return None


def _read(stream: IO[bytes]) -> Any:
    length = 0
    while (line := stream.readline()).strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return json.loads(stream.read(length)) if length else None


def _at_cursor(text: str) -> tuple[str, tuple[int, int]]:
    before, mark, after = text.partition(CURSOR)
    assert mark, "the text has no cursor mark"
    line = before.count("\n")
    return before + after, (line, len(before) - before.rfind("\n") - 1)


def _offer(item: Mapping[str, Any]) -> Offer:
    documentation = item.get("documentation") or ""
    shown = documentation["value"] if isinstance(documentation, dict) else documentation
    inserts = item["textEdit"]["newText"] if "textEdit" in item else item.get("insertText") or item["label"]
    return Offer(item["label"], inserts, str(shown).strip())


def _squiggle(item: Mapping[str, Any]) -> str:
    start = item["range"]["start"]
    return f"{start['line'] + 1}:{start['character'] + 1} {item['message']}"


def is_installed() -> bool:
    """Tell whether `make editor` has installed the server, and there is Node.js to run it."""
    return PROGRAM.exists() and shutil.which("node") is not None


@contextmanager
def language_server(root: Path, schemas: Mapping[str, Any] = MappingProxyType({})) -> Iterator[LanguageServer]:
    """Run a server for the length of a block, with the folder *root* open in it and the setting `yaml.schemas`."""
    command = ["node", str(PROGRAM), "--stdio"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        server = LanguageServer(process, root, dict(schemas))
        try:
            yield server
        finally:
            process.kill()
            server.listener.join(timeout=30)
