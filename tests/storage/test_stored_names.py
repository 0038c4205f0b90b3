"""Names in a run file: any text comes back, and what is no such list is refused at its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfact.core import Names, Outcome, Result
from mfact.errors import StorageError
from mfact.storage.images import make_image
from mfact.storage.names import restored, stored
from mfact.storage.runs import FORMAT_VERSION, read_run, told, write_run

ANY = st.text(st.characters(exclude_categories=[]))  # half a surrogate pair, too


@given(rows=st.none() | st.lists(ANY, min_size=1), columns=st.none() | st.lists(ANY, min_size=1))
def test_any_text_comes_back(rows, columns, tmp_path_factory):
    names = Names(*(None if each is None else tuple(each) for each in (rows, columns)))
    U, V = (np.ones((len(each or "abc"), 1)) for each in (rows, columns))
    path = tmp_path_factory.mktemp("names") / "run.h5"
    write_run(path, Result(Outcome.CONVERGED, "", U, V, {}, {}, {}, {}, names=names))
    assert read_run(path).names == names


def test_a_million_names_take_what_their_letters_take():
    names = Names(rows=tuple(f"cell-{i:07d}" for i in range(1_000_000)))
    held = stored(names)
    assert held["names/rows"].nbytes == 16 * 1_000_000
    assert restored(held, (1_000_000, 3)) == names


@pytest.mark.parametrize(
    "values",
    [
        b'["a"]', b'["a", "b", "c"]', b'["a", 1]', b'{"a": 1}', b"null", b"[", b"[" * 100_000,
        b'["a", "\xff"]', b"\0\0", [1.0, 2.0], [[1, 2]], [],
    ],
    ids=[*"abcdefghijkl"],
)  # fmt: skip
def test_what_is_no_list_of_so_many_texts_is_refused(values, tmp_path):
    result = Result(Outcome.CONVERGED, "", np.ones((2, 1)), np.ones((2, 1)), {}, {}, {}, {})
    raw = np.frombuffer(values, np.uint8) if isinstance(values, bytes) else np.array(values)
    arrays = {"U": result.U, "V": result.V, "names/rows": raw}
    image = make_image("run", FORMAT_VERSION, arrays, told(result)[1])
    (tmp_path / "run.h5").write_bytes(image)
    with pytest.raises(StorageError, match="names/rows") as caught:
        read_run(tmp_path / "run.h5")
    assert "\n" not in str(caught.value)


def test_a_file_without_names_has_none():
    assert read_run(Path(__file__).parent / "files" / "format_1.run.h5").names == Names()
