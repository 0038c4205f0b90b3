"""Which of the things in a file is the matrix."""

import pytest

from mfact.errors import DataError
from mfact.matrices.choice import Candidate, absent, choose, listing


def _dense(name, *shape, **options):
    return Candidate(name, shape, "float64", True, **options)


IMAGES, LABELS, X = _dense("/images", 50, 28, 28), _dense("/labels", 50, 10), _dense("/X", 30, 20)
FS, TIME = _dense("/fs"), _dense("/time", 24)
WORDS = Candidate("/name", (1, 4), "char", False, aside=True)


def _refused(candidates, **options):
    with pytest.raises(DataError) as caught:
        choose(candidates, "f.h5", "dataset", **options)
    return str(caught.value)


class TestChosen:
    @pytest.mark.parametrize(
        "others",
        [
            [],
            [FS, TIME, WORDS],
            [_dense("/one", 1, 1)],
            [_dense("/none", 0, 3)],
            [_dense("/bounds", 9000, 2, aside=True)],
            [_dense("/t", 1, 500, vector=True), _dense("/u", 40, 1, vector=True)],
        ],
    )
    def test_the_only_one_that_can_be_meant(self, others):
        assert choose([*others, X], "f.h5", "dataset") == (X, ())

    def test_what_was_left_is_told(self):
        small = _dense("/small", 2, 3, 4)
        chosen, notes = choose([small, X], "f.h5", "dataset")
        assert chosen == X
        assert notes == ("f.h5: took /X (30×20 float64), not /small (2×3×4 float64)",)

    def test_what_a_file_says_of_a_kind_stays_on_its_line(self):
        odd = Candidate("/a\nb", (2, 3), "mat\nrix", False)
        assert listing([odd], "name one") == r"name one; it holds /a\nb (2×3 mat\nrix)"

    def test_one_entry_or_one_row_where_there_is_nothing_else(self):
        one, row = _dense("/one", 1, 1), _dense("/t", 1, 9, vector=True)
        assert choose([one, WORDS], "f.h5", "dataset")[0] == one
        assert choose([one, row], "f.h5", "dataset")[0] == row

    def test_points_of_any_number_of_dimensions(self):
        assert choose([IMAGES, FS], "f.h5", "dataset", points=True) == (IMAGES, ())


class TestRefused:
    @pytest.mark.parametrize(
        "larger", [IMAGES, _dense("/v", 501), _dense("/v", 1, 501, vector=True)]
    )
    def test_a_matrix_that_may_tell_of_something_larger(self, larger):
        message = _refused([larger, LABELS, WORDS])
        assert f"holds one matrix, {LABELS}, beside {larger}, which is larger" in message
        assert "name one with --dataset" in message
        assert "char" not in message

    def test_a_stack_is_offered_in_slices(self):
        message = _refused([IMAGES, LABELS])
        assert (
            "name a slice of a stack, as /images[0], or fold it to rows, /images[fold]" in message
        )
        four = _dense("/m", 2, 3, 4, 5, reversed=True)
        assert "as /m[:,:,0,0]" in _refused([four])

    def test_several_are_listed_and_nothing_else_is(self):
        message = _refused([X, FS, LABELS, WORDS, TIME])
        assert message == (
            "f.h5 holds 2 matrices: name one with --dataset; it holds /X (30×20 float64), "
            "/labels (50×10 float64)"
        )

    @pytest.mark.parametrize("points", [True, False])
    def test_none(self, points):
        what = "numeric dataset" if points else "2-D numeric dataset"
        assert f"holds no {what}: name a file with one" in _refused([FS, WORDS], points=points)
        assert _refused([], points=points).endswith("it holds no dataset")

    def test_two_matrices_are_listed_whatever_is_larger(self):
        assert "holds 2 matrices" in _refused([X, LABELS, IMAGES])


def test_a_long_list_is_cut():
    text = listing([_dense(f"/d{i:02}", 2, 3) for i in range(30)], "name one")
    assert text.count("float64") == 20
    assert text.endswith("and 10 more")


@pytest.mark.parametrize(
    ("typed", "like"),
    [("/counts", "/layers/counts"), ("/layer/countz", "/layers/counts"), ("/x", None)],
)
def test_a_name_that_is_not_there(typed, like):
    text = absent(typed, [_dense("/layers/counts", 3, 4), WORDS], "dataset")
    assert text.startswith("name another dataset" + (f", perhaps {like};" if like else ";"))
