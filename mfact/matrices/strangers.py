"""Files that are no matrix which is read here: what each is, and a way out that works."""

from __future__ import annotations

import re

from mfact.errors import DataError
from mfact.words import printable

_NPY_WAY_OUT = "save the matrix as NPY with numpy.save, or as HDF5"
_AS_CSV = "export its table as CSV"
_FRAME = 'save its numbers with numpy.save("M.npy", pandas.{}.to_numpy())'
_IMAGE = 'save its pixels with numpy.save("M.npy", PIL.Image.open(FILE))'
_PALETTE = f'{_IMAGE[:-1]}.convert("L"))'  # else they are numbers of colours
_NO_TEXT = rb"(?![\s -~]{8})"  # goes on, as where a column is called so
_PRINTED = "save the array with numpy.save instead, for a print leaves digits out"
PACKED = (
    (b"\x1f\x8b", "compressed with gzip", "unpack it with gunzip first"),
    (b"BZh", "compressed with bzip2", "unpack it with bunzip2 first"),
    (b"\xfd7zXZ", "compressed with xz", "unpack it with unxz first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it with unzstd first"),
)
"""First bytes of packed files, what they are, and what to do with each."""
PICKLES = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
"""First bytes of what Python has pickled."""
LEGACY_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""Of what torch.save wrote before PyTorch 1.6."""
# What the first bytes match of files that people mistake for a matrix, and what to do with each.
_KNOWN = (
    (re.escape(LEGACY_TORCH), "a checkpoint of before PyTorch 1.6, which is a pickle",
     'save a tensor in it with numpy.save("M.npy", torch.load(FILE, weights_only=True)["NAME"])'),
    (b"|".join(PICKLES), "a pickle, which is never loaded because it can run code", _NPY_WAY_OUT),
    (rb"CDF[\1\2\5]", "a netCDF-3 file",
     "convert it with nccopy -k nc4 in.nc out.nc, or with "
     'xarray.open_dataset("in.nc").to_netcdf("out.nc", engine="h5netcdf")'),
    (rb"\x0e\x03\x13\x01", "an HDF4 file", "convert it with h4toh5 in.hdf out.h5"),
    (rb"SIMPLE  =", "a FITS file",
     'save its image with numpy.save("M.npy", astropy.io.fits.getdata(FILE))'),
    (rb"PAR1" + _NO_TEXT, "a Parquet file", _FRAME.format("read_parquet(FILE)")),
    (rb"(?:ARROW1|FEA1)" + _NO_TEXT, "a Feather or Arrow file",
     _FRAME.format("read_feather(FILE)")),
    (rb"ORC" + _NO_TEXT, "an ORC file", _FRAME.format("read_orc(FILE)")),
    (rb"Obj\x01", "an Avro file",
     _FRAME.format('DataFrame(fastavro.reader(open(FILE, "rb")))')),
    (rb"\xd0\xcf\x11\xe0", "an old Excel workbook, as it seems", "export its sheet as CSV"),
    (rb"[XB]\n\0|A\n[23]\n\d{6}\n", "an .rds file of R",
     'in R, write.csv(as.matrix(readRDS(FILE)), "M.csv"), or Matrix::writeMM of a sparse matrix'),
    (rb"RD[AX][1-3]\n", "a workspace of R",
     'in R, load(FILE), then write.csv(NAME, "M.csv"), or Matrix::writeMM of a sparse matrix'),
    (rb"<stata_dta>", "a Stata file", _FRAME.format("read_stata(FILE)")),
    (rb"\$FL[23]", "an SPSS file", _FRAME.format("read_spss(FILE)")),
    (rb"\0{12}\xc2\xea\x81\x60|HEADER RECORD\*", "a SAS file", _AS_CSV),
    (rb"SQLite format 3\0", "an SQLite database",
     _FRAME.format('read_sql("SELECT * FROM NAME", sqlite3.connect(FILE))')),
    (rb"GIF8[79]a|BM.{4}\0{4}|\x89PNG.{21}\x03", "an image with a palette", _PALETTE),
    (rb"\x89PNG|\xff\xd8\xff|II\*\0|MM\0\*|P[1-6]\s+(?:#[^\n]*\n)*\d+\s+\d+\s", "an image",
     _IMAGE),
    (rb"\0\0\x08[\1-\4]", "an IDX file, as MNIST has them",
     'read it as B = open(FILE, "rb").read(), and save its bytes behind the header with '
     'numpy.save("M.npy", numpy.frombuffer(B, "u1", offset=4 + 4*B[3])'
     '.reshape(numpy.frombuffer(B, ">i4", B[3], 4)))'),
    (rb"\x5c\x01\0\0.{340}n[i+]1\0", "a NIfTI image",
     'save it with numpy.save("M.npy", nibabel.load(FILE).get_fdata())'),
    (rb"RIFF.{4}WAVE", "a sound",
     'save it with numpy.save("M.npy", scipy.io.wavfile.read(FILE)[1])'),
    (rb"%PDF-", "a PDF document", _AS_CSV),
    (rb"GGUF" + _NO_TEXT, "a GGUF file",
     "save gguf.quants.dequantize(t.data, t.tensor_type) of one of its tensors with numpy.save"),
    (rb"\x08[\2-\x1f][\x12:]", "a model of ONNX, as it seems",
     "save onnx.numpy_helper.to_array(t) of one of its graph.initializer with numpy.save"),
    (rb".{257}ustar", "a tar archive", "unpack it with tar -xf first"),
    (rb"7z\xbc\xaf|Rar!\x1a\x07", "a packed archive", "unpack it first, with 7z x"),
)  # fmt: skip
# The same of texts, from the first character that is none of blank.
_TEXTS = (
    (rb"(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html|head)\b",
     "an HTML page, so the download went wrong", "download the file, not the page about it"),
    (rb"<\?xml|<[a-z]\w*[\s>]", "an XML file", _AS_CSV),
    (rb"version https://git-lfs", "a pointer of Git LFS, not the file itself",
     "fetch that with git lfs pull"),
    (rb"-----BEGIN ", "a key or a certificate", "name another file"),
    (rb"(?:%[^\n]*\n\s*)*@relation\b", "an ARFF file",
     'save its numbers with numpy.save("M.npy", scipy.io.arff.loadarff(FILE)[0].tolist())'),
    (rb"\w+\(\[\[|\[\[[^,\]]*[\d.][^,\]]*\]", "an array as it is printed", _PRINTED),
    (rb"\[\s*\[", "lists in brackets, as JSON has them",
     'save them with numpy.save("M.npy", json.load(open(FILE)))'),
    (rb"\{\s*[\"}]|\[\s*[-\d{\"]", "a JSON file",
     "load it with json.load and save the numbers in it with numpy.save"),
)  # fmt: skip
# What is read here, but not packed.
_OWN = ((rb"\x93NUMPY", "an NPY file"), (rb"\x89HDF", "an HDF5 file"), (rb"PK", "a zip archive"))


def stranger(start: bytes, inside: bytes, label: str) -> DataError:
    """Why a file that no reader takes is refused.

    start: its first bytes. inside: those of what is packed in it, as gzipped.beginning() has them.
    """
    if not start:
        return DataError(f"{label} is an empty file", "write the matrix again")
    if inside and inside != start:
        what, way_out = _known(inside) or next(
            ((what, "") for first, what in _OWN if re.match(first, inside)), ("", "")
        )
        if what:
            then = f"; then {way_out}" if way_out else " first"
            return DataError(
                f"{label} is {what}, compressed with gzip", f"unpack it with gunzip{then}"
            )
    if known := text_stranger(start, label):
        return known
    if text := text_start(start):
        return DataError(
            f"{label} is text that begins with {text}, not a matrix file",
            "read it with numpy.loadtxt and save it with numpy.save",
        )
    return DataError(f"{label} is no kind of matrix file known here", _NPY_WAY_OUT)


def text_stranger(start: bytes, label: str) -> DataError | None:
    """Why a file that may look like a table is none; None where it may be one."""
    found = _known(start)
    return None if found is None else DataError(f"{label} is {found[0]}", found[1])


def _known(start: bytes) -> tuple[str, str] | None:
    """(what a file is, the way out) by its first bytes; None of one that nobody knows."""
    for magic, what, way_out in PACKED:
        if start.startswith(magic):
            return what, way_out
    for first, what, way_out in _KNOWN:
        if re.match(first, start, re.DOTALL):
            return what, way_out
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    for first, what, way_out in _TEXTS:
        if re.match(first, text, re.DOTALL | re.IGNORECASE):
            return what, way_out
    return None


def text_start(start: bytes) -> str:
    """The first line of a text, in quotes, cut where it is long; "" for what is no text.

    >>> text_start(b"1.0, 2.0\\n3.0"), text_start(bytes(9))
    ("'1.0, 2.0'", '')
    """
    if not start or not all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start):
        return ""
    return repr(printable(start[:60].splitlines()[0]))
