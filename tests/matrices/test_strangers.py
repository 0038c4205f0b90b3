"""Files of other programs: each named for what it is, with a way out that is followed here."""

import bz2
import gzip
import json
import lzma
import re
import sqlite3
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from refusals import refusal

from mfact.errors import DataError
from mfact.matrices.source import open_matrix
from mfact.matrices.strangers import text_stranger

M = np.random.default_rng(0).integers(0, 99, (6, 4)).astype(float)


def netcdf(path):
    with scipy.io.netcdf_file(path, "w") as file:
        file.createDimension("y", 6), file.createDimension("x", 4)
        file.createVariable("NAME", "f8", ("y", "x"))[:] = M


def stata(path):
    frame().to_stata(path, version=118, write_index=False)


def frame():
    return pytest.importorskip("pandas").DataFrame(M, columns=list("abcd"))


def sql(path):
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE NAME (a REAL, b REAL, c REAL, d REAL)")
        base.executemany("INSERT INTO NAME VALUES (?, ?, ?, ?)", M.tolist())
    base.close()


def image(kind, mode="L"):
    def write(path):
        made = pytest.importorskip("PIL.Image").fromarray(M.astype("u1"))
        made.convert(mode).save(path, kind)

    return write


def idx(path):
    path.write_bytes(b"\0\0\x08\2" + np.array(M.shape, ">i4").tobytes() + M.astype("u1").tobytes())


def torch_of_2018(path):
    torch = pytest.importorskip("torch")
    torch.save({"NAME": torch.tensor(M)}, path, _use_new_zipfile_serialization=False)


def arff(path):
    head = "% by hand\n\n@RELATION x\n" + "".join(f"@ATTRIBUTE {a} NUMERIC\n" for a in "abcd")
    path.write_text(head + "@DATA\n" + "\n".join(",".join(map(str, row)) for row in M.tolist()))


FOLLOWED = {
    "a Stata file": stata,
    "an SQLite database": sql,
    "an image": image("PNG"),
    "an image ": image("TIFF"),
    "an image  ": image("PPM"),
    "an image with a palette": image("GIF"),
    "an image with a palette ": image("BMP"),
    "an image with a palette  ": image("PNG", "P"),
    "an IDX file, as MNIST has them": idx,
    "a sound": lambda path: scipy.io.wavfile.write(path, 8000, M),
    "a checkpoint of before PyTorch 1.6, which is a pickle": torch_of_2018,
    "an ARFF file": arff,
    "lists in brackets, as JSON has them": lambda path: path.write_text(json.dumps(M.tolist())),
}

pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here

MODULES = {"numpy", "scipy.io", "scipy.io.arff", "scipy.io.wavfile", "json", "sqlite3"}
OPTIONAL = ("pandas", "PIL.Image", "torch")


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("what", FOLLOWED)
def test_the_way_out_is_one(what, is_packed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    FOLLOWED[what](tmp_path / "F")
    whole = (tmp_path / "F").read_bytes()
    if is_packed:
        (tmp_path / "F").write_bytes(gzip.compress(whole))
    error = refusal(tmp_path / "F", DataError, f"/F is {what.strip()}[:,]")
    if is_packed:
        assert error.way_out.startswith("unpack it with gunzip; then ")
        (tmp_path / "F").write_bytes(whole)
    known = {"FILE": str(tmp_path / "F"), "NAME": "NAME"}
    for name in (*MODULES, *OPTIONAL):
        if name.split(".")[0] in error.way_out:
            __import__(name)
            known[name.split(".")[0]] = sys.modules[name.split(".")[0]]
    for line in re.findall(r"(?:B = .*?|numpy\.save\(.*)(?=, and|$)", error.way_out):
        exec(line, known)
    np.testing.assert_array_equal(open_matrix("M.npy").read(), M)


def test_a_file_of_netcdf_3_is_named(tmp_path):
    netcdf(tmp_path / "F.nc")
    error = refusal(tmp_path / "F.nc", DataError, "is a netCDF-3 file: convert it with nccopy -k")
    if pytest.importorskip("importlib.util").find_spec("h5netcdf"):
        code = "import xarray;" + re.search(r"xarray\..*\)", error.way_out)[0]
        code = code.replace("in.nc", "F.nc")
        subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
        np.testing.assert_array_equal(open_matrix(f"{tmp_path}/out.nc:/NAME").read(), M)


STARTS = {
    b"CDF\x05" + bytes(40): "a netCDF-3 file",
    b"\x0e\x03\x13\x01\0\0": "an HDF4 file: .*h4toh5",
    b"SIMPLE  =                    T / FITS".ljust(2880): "a FITS file: .*astropy",
    b"PAR1\x15\x04": "a Parquet file: .*read_parquet",
    b"ARROW1\0\0\xff": "a Feather or Arrow file: .*read_feather",
    b"FEA1\0\0": "a Feather or Arrow file",
    b"ORC\n\x06": "an ORC file: .*read_orc",
    b"Obj\x01\x04": "an Avro file: .*fastavro",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Excel workbook.*CSV",
    b"X\n\0\0\0\x03\0\4": "an .rds file of R: .*write.csv",
    b"A\n3\n262657\n197888\n": "an .rds file of R",
    b"RDX3\nX\n\0": "a workspace of R: .*load",
    b"$FL2@(#) SPSS DATA FILE": "an SPSS file: .*read_spss",
    b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!": "a SAS file",
    b"%PDF-1.7\n%": "a PDF document",
    b"\xff\xd8\xff\xe0\0\x10JFIF": "an image",
    b"P2\n# by GIMP\n4 6\n255\n0 1": "an image",
    b"\x5c\1\0\0" + bytes(340) + b"n+1\0": "a NIfTI image: .*nibabel",
    b"GGUF\3\0\0\0": "a GGUF file",
    b"\x08\x07\x12\x07pytorch": "a model of ONNX, as it seems",
    b"7z\xbc\xaf\x27\x1c": "a packed archive",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n": "pointer of Git LFS.*lfs pull",
    b"<!DOCTYPE html>\n<html>": "an HTML page, so the download went wrong: download the file",
    b"\xef\xbb\xbf\n <HTML lang=en>": "an HTML page",
    b"<!-- saved -->\n<html>": "an HTML page",
    b"<?xml version='1.0'?>\n<x/>": "an XML file",
    b"-----BEGIN PGP MESSAGE-----\n": "a key or a certificate",
    b'{"a": [1, 2]}': "a JSON file: load it with json.load",
    b'[{"a": 1}, {"a": 2}]': "a JSON file",
    b"[1, 2, 3]\n": "a JSON file",
    b"[[1.  2.5]\n [3.  4. ]]\n": "an array as it is printed: .*numpy.save instead",
    b"array([[1., 2.],\n": "an array as it is printed",
    b"tensor([[1., 2.],\n": "an array as it is printed",
    b"[[" + b"1 " * 250: "lists in brackets, as JSON",
}  # fmt: skip


@pytest.mark.parametrize("start", STARTS, ids=STARTS.values())
def test_first_bytes(start, tmp_path):
    (tmp_path / "M.csv").write_bytes(start)
    refusal(tmp_path / "M.csv", DataError, f"M.csv is (a )?{STARTS[start]}")
    assert text_stranger(start, "M.csv") is not None
    (tmp_path / "M.csv").write_bytes(gzip.compress(start))
    error = refusal(
        tmp_path / "M.csv", DataError, "compressed with gzip: unpack it with gunzip; then"
    )
    assert STARTS[start].split(":")[0].split(".*")[0] in error.sentence


TABLES = [
    b"1.0, 2.0\n3.0, 4.0\n", b"A\n1\n2\n", b"P1 P2\n3 4\n", b"X\n1\n", b"# [[1, 2]]\n1 2\n",
    b"a<b,c\n1,2\n", b"ORC\n1.0\n2.0\n", b"PAR1 PAR2\n1 2\n", b"ORF,count\nYAL001C,4\n",
    b"[section]\nx = 1\n", b"{a},b\n1,2\n", b"\xef\xbb\xbfx;y\n1;2\n",
    b"html,xml\n1,2\n", b"-1 2\n", b"BM25,score\n1,2\n", b"array,value\n1,2\n", b"",
    b"P1 " + b"#\n" * 250, b"%\n" * 250,  # which take no time to refuse
]  # fmt: skip


@pytest.mark.parametrize("start", TABLES)
def test_what_may_be_a_table_is_left_to_its_reader(start):
    assert text_stranger(start, "M.csv") is None


@pytest.mark.parametrize(
    ("pack", "command"),
    [(bz2.compress, "bunzip2"), (lzma.compress, "unxz"), (gzip.compress, "gunzip")],
)
def test_what_is_packed_is_to_be_unpacked(pack, command, tmp_path):
    np.save(tmp_path / "M.npy", M)
    (tmp_path / "F").write_bytes(pack((tmp_path / "M.npy").read_bytes()))
    refusal(tmp_path / "F", DataError, f"compressed with .*: unpack it with {command} first")


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_tar_archive(is_packed, tmp_path):
    np.save(tmp_path / "M.npy", M)
    with tarfile.open(tmp_path / "F", "w:gz" if is_packed else "w") as archive:
        archive.add(tmp_path / "M.npy", "M.npy")
    refusal(tmp_path / "F", DataError, "is a tar archive.*unpack it with tar -xf first")


def test_files_that_hold_something_read_here_are_named_for_it(tmp_path):
    for name, what in (("M.npy", "an NPY file"), ("M.npz", "a zip archive")):
        (np.save if name == "M.npy" else np.savez)(tmp_path / name, M)
        (tmp_path / "F").write_bytes(gzip.compress(Path(tmp_path, name).read_bytes()))
        refusal(
            tmp_path / "F", DataError, f"is {what}, compressed with gzip: unpack it with gunzip f"
        )
