"""Checkpoints of files and folders, put in the order in which they were made."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfact.errors import DataError, StorageError
from mfact.tensors.order import found_in
from mfact.tensors.steps import steps_in


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def made(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(name.encode())
        return tmp_path

    return made


def names(found):
    return [os.path.relpath(path) for path in found.paths]


def refusal(*paths, kind=DataError):
    with pytest.raises(kind) as caught:
        found_in(paths)
    assert str(caught.value).isprintable()
    assert caught.value.way_out
    return str(caught.value)


class TestSteps:
    @pytest.mark.parametrize(
        ("given", "steps"),
        [
            (["ckpt-2.pt", "ckpt-10.pt"], (2, 10)),
            (["ckpt-0010.pt", "ckpt-9.pt"], (10, 9)),
            (["epoch=0-step=9.ckpt", "epoch=1-step=18.ckpt"], (9, 18)),
            (["epoch=0-step=9.ckpt", "epoch=0-step=18.ckpt", "epoch=1-step=27.ckpt"], (9, 18, 27)),
            (["epoch=3-loss=0.5.ckpt", "epoch=4-loss=0.25.ckpt"], (3, 4)),
            (["epoch=3-loss=-1.ckpt", "epoch=4-loss=-2.ckpt"], (3, 4)),
            (["s1-lr=1e-3.pt", "s2-lr=1e-4.pt"], (1, 2)),
            (["v2/ckpt-5.pt", "v2/ckpt-4.pt"], (5, 4)),
            (["a1/b7.pt", "a2/b8.pt"], (7, 8)),
        ],
    )
    def test_names_that_tell(self, given, steps):
        assert steps_in(given) == steps

    @pytest.mark.parametrize(
        "given",
        [
            ["best.pt", "last.pt"],
            ["ckpt-1.pt"],
            [],
            ["ckpt-1.pt", "ckpt-01.pt"],
            ["ckpt-1.pt", "ckpt-2.pth"],
            ["ckpt-1.pt", "ckpt-2.pt", "best.pt"],
            ["epoch0-batch9.pt", "epoch1-batch5.pt"],
            ["e0-b1.pt", "e0-b2.pt", "e1-b1.pt", "e1-b2.pt"],
            ["loss=0.5.pt", "loss=0.25.pt"],
        ],
    )
    def test_names_that_do_not(self, given):
        assert steps_in(given) is None

    @given(steps=st.lists(st.integers(0, 10**30), min_size=2, unique=True), pad=st.integers(0, 9))
    def test_any_numbers(self, steps, pad):
        assert steps_in([f"w-{step:0{pad}}.pt" for step in steps]) == tuple(steps)


class TestFiles:
    def test_alike_but_for_a_number(self, folder):
        found = found_in(
            [folder("ckpt-10.pt", "ckpt-9.pt") / n for n in ("ckpt-10.pt", "ckpt-9.pt")]
        )
        assert names(found) == ["ckpt-9.pt", "ckpt-10.pt"]
        assert (found.steps, found.order) == ((9, 10), "by the number in their names: 9, 10")

    @pytest.mark.parametrize(
        "files", [("last.pt", "best.pt"), ("one.pt",), ("e0-b9.pt", "e1-b5.pt"), ("1.pt", "2.npz")]
    )
    def test_as_given(self, folder, files):
        found = found_in([str(folder(*files) / name) for name in files])
        assert names(found) == list(files)
        assert (found.steps, found.order) == ((None,) * len(files), "as given")

    def test_the_same_one_twice(self, folder):
        path = folder("a.pt") / "a.pt"
        (path.parent / "b.pt").symlink_to("a.pt")
        assert refusal("a.pt", "./a.pt") == "a.pt and a.pt are one file: pass it once"
        assert refusal(path, path.parent / "b.pt").endswith("b.pt are one file: pass it once")

    def test_missing_ones_are_left_to_who_opens_them(self, folder):
        paths = [folder() / name for name in ("no.pt", "none.pt", "x" * 5000, "a\0b")]
        assert found_in(paths).paths == tuple(paths)

    def test_shards_of_one(self, folder):
        shards = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
        folder(*shards)
        said = refusal(*shards)
        assert said.startswith("the checkpoint in . is cut into shards, and layers that meet may")
        assert names(found_in(shards[:1])) == shards[:1]

    def test_none(self):
        assert refusal() == refusal("") == "no checkpoint is named: name a file or a folder"


class TestFolder:
    def test_its_checkpoints_by_their_steps(self, folder):
        inside = [f"ckpt-{step}.safetensors" for step in (1000, 200, 30)]
        found = found_in([folder(*inside, "README.md", "config.json", "log.txt")])
        assert names(found) == inside[::-1]
        assert found.steps == (30, 200, 1000)
        assert found.order == "by the number in their names: 30, 200, 1000"
        assert found.skipped == ()

    def test_a_long_row_is_told_by_its_ends(self, folder):
        found = found_in([folder(*(f"{step}.pt" for step in range(0, 5000, 100)))])
        assert found.order == "by the number in their names: 0, 100, 200, …, 4900, 50 in all"

    def test_what_is_skipped_is_told(self, folder):
        beside = [".m.pt", "optimizer.pt", "rng_state_0.pth", "scheduler.pt", "tmp-m.pt",
                  "training_args.bin"]  # fmt: skip
        path = folder("model.safetensors", *beside, "sub/m.pt", ".git/m.pt")
        (path / "latest.pt").symlink_to("model.safetensors")
        found = found_in([path])
        assert names(found) == ["model.safetensors"]
        assert found.order == "as given"
        assert found.skipped == (*beside, "latest.pt, which is model.safetensors", "sub/")

    def test_folders_of_one_each(self, folder):
        inside = [f"checkpoint-{step}/model.safetensors" for step in (500, 1500, 1000)]
        path = folder(*inside, "checkpoint-500/optimizer.pt", "runs/log.txt", ".cache/x.pt")
        (path / "latest").symlink_to("checkpoint-1500")
        found = found_in([path])
        assert names(found) == [inside[0], inside[2], inside[1]]
        assert found.steps == (500, 1000, 1500)
        assert found.skipped == ("checkpoint-500/optimizer.pt",)

    def test_folders_given_one_by_one(self, folder):
        path = folder(*(f"checkpoint-{step}/pytorch_model.bin" for step in (500, 1500, 1000)))
        found = found_in([path / f"checkpoint-{step}" for step in (1500, 500)])
        assert found.steps == (500, 1500)

    @pytest.mark.parametrize(
        ("inside", "said"),
        [
            (["best.pt", "last.pt"], "do not tell their order (best.pt, last.pt): pass the files"),
            (["1.pt", "2.pt", "best.pt"], "(1.pt, 2.pt, best.pt): pass the files in order"),
            (["e0-b9.pt", "e1-b5.pt"], "(e0-b9.pt, e1-b5.pt): pass the files in order"),
            (["1.pt", "01.pt"], "(01.pt, 1.pt): pass the files in order"),
            (["log.txt"], "holds no checkpoint: name the file, or a folder of files that end in"),
            (["a/b/1.pt"], "holds no checkpoint: name the file, or a folder of files that end in"),
            (["c-1/m.pt", "c-1/n.pt"], "c-1 holds 2 checkpoints (m.pt, n.pt): pass that folder"),
            (["m-00001-of-00002.bin", "m-00002-of-00002.bin"], "is cut into shards, and layers"),
            ([f"c-1/m-0000{n}-of-00002.bin" for n in (1, 2)], "c-1 is cut into shards, and lay"),
        ],
    )
    def test_what_is_unclear_is_refused(self, folder, inside, said):
        assert said in refusal(folder(*inside))

    def test_one_of_several_beside_others(self, folder):
        path = folder("a/1.pt", "a/2.pt", "b/3.pt")
        said = refusal(path / "a", path / "b")
        assert said.endswith("a holds 2 checkpoints and is not all that is given: "
                             "pass one folder, or the files")  # fmt: skip

    @pytest.mark.skipif(os.geteuid() == 0, reason="root lists every folder")
    def test_one_without_permission(self, folder):
        path = folder("a/1.pt") / "a"
        path.chmod(0)
        assert "cannot be listed: Permission" in refusal(path, kind=StorageError)
        path.chmod(0o700)
