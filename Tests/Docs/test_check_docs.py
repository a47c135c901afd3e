"""Breaks a document in each way that Scripts/check-docs detects, and expects it to find the fault.

    python3 Tests/Docs/test_check_docs.py
"""

import importlib.machinery
import importlib.util
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = str(ROOT / "Scripts/check-docs")
loader = importlib.machinery.SourceFileLoader("check_docs", SCRIPT)
spec = importlib.util.spec_from_loader("check_docs", loader)
check_docs = importlib.util.module_from_spec(spec)
loader.exec_module(check_docs)

PAGE = """# Title

[a link](docs/architecture.md), [an anchor](docs/architecture.md#modules), `Wire/Nick.swift`.

## Section

Text.

```sh skip: an example
make test
```
"""

MODULES = ("docs/architecture.md", "Sources/Relay/Wire/Nick.swift")


class CheckDocsTest(unittest.TestCase):
    def faults(self, path, text):
        files, read = check_docs.repository(ROOT, {path: text})
        faults = [*check_docs.document_faults(files, read), *check_docs.text_faults([path], read)]
        if path in MODULES:
            faults += check_docs.module_faults(files, read)
        return [fault for fault in faults if fault[0] == path]

    def finds(self, was, becomes, expected, page=PAGE, path="README.md"):
        self.assertIn(was, page)
        found = self.faults(path, page.replace(was, becomes, 1))
        self.assertTrue(any(expected in text for _, _, text in found), f"{expected}: {found}")

    def test_a_good_page(self):
        self.assertEqual([], self.faults("README.md", PAGE))

    def test_links(self):
        self.finds("docs/architecture.md)", "docs/architektur.md)", "no such file")
        self.finds("#modules", "#rooms", "no such heading")
        self.finds("(docs/architecture.md)", "(http:architecture)", "not a whole address")

    def test_paths(self):
        self.finds("Wire/Nick.swift", "Wire/Nickname.swift", "no such path")
        self.finds("Wire/Nick.swift", "Nickname.swift", "no file of that name")

    def test_a_heading_that_is_lost(self):
        # README once lost "## Settings" in this way. The link from another document reveals it.
        text = (ROOT / "docs/architecture.md").read_text().replace("## Modules\n", "gs\n", 1)
        texts = {"README.md": PAGE, "docs/architecture.md": text}
        found = check_docs.document_faults(*check_docs.repository(ROOT, texts))
        self.assertIn(("README.md", 3, "no such heading: docs/architecture.md#modules"), found)
        self.assertTrue(any("a paragraph of one word: 'gs'" in fault[2] for fault in found))

    def test_headings(self):
        self.finds("# Title\n", "", "one title")
        self.finds("## Section", "### Section", "a level is left out")
        self.finds("Text.", "## Section", "there twice")

    def test_columns(self):
        self.finds("Text.", "text " * 21, "columns")

    def test_columns_of_sources(self):
        path = "Sources/Relay/Wire/Nick.swift"
        text = (ROOT / path).read_text()
        self.assertEqual([], self.faults(path, text))
        found = self.faults(path, "// " + "word " * 20 + "\n" + text)
        self.assertEqual([(path, 1, "103 columns; at most 100")], found)

    def test_words(self):
        self.finds("Text.", "A Newcomer waits.", "'Newcomer': write pending connection")
        self.finds("Text.", "To whom?", "'whom': write which peer")
        path = "Sources/Relay/Wire/Nick.swift"
        found = self.faults(path, "let patience = 1\n" + (ROOT / path).read_text())
        self.assertEqual([(path, 1, "'patience': write timeout")], found)

    def test_modules(self):
        page = "docs/architecture.md"
        text = (ROOT / page).read_text()
        arrow = "  Status --> Server\n"
        self.assertIn(arrow, text)
        lacks = [(page, 1, "the drawing lacks Status --> Server")]
        self.assertEqual(lacks, self.faults(page, text.replace(arrow, "")))
        extra = [(page, 1, "the drawing has Wire --> Server, which no import shows")]
        self.assertEqual(extra, self.faults(page, text.replace(arrow, arrow + "  Wire --> Server\n")))
        path = "Sources/Relay/Wire/Nick.swift"
        found = self.faults(path, "import Settings\n" + (ROOT / path).read_text())
        self.assertIn((path, 1, "Package.swift: Wire does not depend on Settings"), found)

    def test_unsafe_code(self):
        path = "Sources/Relay/Wire/Digest.swift"
        text = (ROOT / path).read_text()
        texts = {path: text.replace("Safe: ", "")}
        found = list(check_docs.unsafe_faults([path], check_docs.repository(ROOT, texts)[1]))
        self.assertEqual(["unsafe code without a comment that says `Safe: …`"], [f[2] for f in found])
        self.assertEqual([], list(check_docs.unsafe_faults(*check_docs.repository(ROOT))))

    def test_blocks(self):
        self.finds("```sh skip: an example", "```", "needs a language")
        self.finds("sh skip: an example", "sh", "say `sh run`")
        self.finds("```sh skip: an example\nmake test\n```", "    make test", "indented block")
        self.finds("make test\n```", "make test\n", "no end")

    def test_commands(self):
        self.finds("make test", "make tests", "no such target")
        self.finds("make test", "http:    http://127.0.0.1/", "not a command that is known")
        self.finds("make test", "Scripts/no-such", "no such path")
        self.finds("make test", "jm-directory-ctl statuses", "no such subcommand")
        self.finds("make test", "jm-directory-client status", "no such product")
        self.finds("make test", "for x in 1; do", "bash:")


if __name__ == "__main__":
    unittest.main()
