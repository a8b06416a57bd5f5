"""The table of patches holds for the installed emulator, and no other."""

from __future__ import annotations

import dataclasses
import unittest

import containers

containers.install(None)

import patch  # noqa: E402 - the stand-in for docker must come before the emulator
import patches  # noqa: E402
import services  # noqa: E402

TABLE = patches.table(services.Services(lambda ip, port: (ip, port)))


class TableTest(unittest.TestCase):
    def test_every_fault_is_still_there(self) -> None:
        """A changed source means that the fault may be mended upstream: then look, and drop the patch."""
        for entry in TABLE:
            with self.subTest(entry.places[0]):
                self.assertEqual(patch.source_hash(patch.original(entry)), entry.sha256)

    def test_all_places_hold_the_same_function(self) -> None:
        for entry in TABLE:
            for place in entry.places:
                with self.subTest(place):
                    table, key = patch._find(place)
                    self.assertIs(table[key], patch.original(entry))

    def test_every_patch_names_a_document_of_aws(self) -> None:
        for entry in TABLE:
            with self.subTest(entry.places[0]):
                self.assertRegex(entry.source, r"^https://docs\.aws\.amazon\.com/.+\.html$")
                self.assertTrue(entry.fault.endswith((".", ")")) and entry.right.endswith((".", ")")))

    def test_a_changed_source_is_refused_and_nothing_touched(self) -> None:
        changed = dataclasses.replace(TABLE[1], sha256="0" * 64)
        first = patch.original(TABLE[0])
        with self.assertRaises(patch.SourceChanged) as raised:
            patch.apply((TABLE[0], changed))
        self.assertIn(changed.places[0], str(raised.exception))
        self.assertIs(patch.original(TABLE[0]), first)


if __name__ == "__main__":
    unittest.main()
