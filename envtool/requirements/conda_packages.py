"""Conda's packages that bring no torch: programs, languages, and what the numeric stack below torch consists of."""

from __future__ import annotations

import re

_HARMLESS = re.compile(
    r"cuda.*|cudnn|cudatoolkit.*|nvidia.*|nccl|cupy"
    r"|python|pip|setuptools|wheel|conda|mamba|anaconda-client|conda-build|packaging"
    r"|_libgcc_mutex|_openmp_mutex|ca-certificates|certifi|openssl|xz|bzip2|zlib|zstd|tk|readline|sqlite|ncurses|ld_impl.*"
    r"|lib(?!torch|magma|cu|nv|mkldnn).*|icu|expat|gmp|mpfr|mpc|krb5|tzdata|yaml|pcre2?|glib|gettext|c-ares|curl|lz4.*|snappy"
    r"|gcc.*|gxx.*|gfortran.*|binutils.*|sysroot.*|make|cmake|ninja|ninja-base|git|git-lfs|ccache|pkg-config|compilers"
    r"|c-compiler|cxx-compiler|fortran-compiler|rust|nodejs|yarn|go|openjdk|r-base|r-.*|bioconductor-.*|perl.*"
    r"|mkl(?:[-_].*)?|blas|openblas|intel-openmp|llvm-openmp|tbb|numpy(?:-base)?|scipy|pandas|matplotlib(?:-base)?|pillow"
    r"|scikit-learn|scikit-image|sympy|mpmath|networkx|numexpr|bottleneck|cython|numba|llvmlite|joblib|threadpoolctl"
    r"|h5py|hdf5|pytables|netcdf4|xarray|dask|distributed|pyarrow|arrow-cpp|fastparquet|polars|zarr|statsmodels|seaborn"
    r"|opencv|py-opencv|libopencv|ffmpeg|imageio|imageio-ffmpeg|av|librosa|soundfile|sox|x264|x265|lame|tesseract"
    r"|jupyter.*|ipython|ipykernel|ipywidgets|notebook|nbconvert|nbformat|traitlets|widgetsnbextension|nb_conda_kernels"
    r"|requests|urllib3|idna|charset-normalizer|chardet|six|tqdm|pyyaml|click|rich|attrs|jinja2|markupsafe|typing.*"
    r"|filelock|fsspec|regex|sentencepiece|tokenizers|huggingface_hub|nltk|spacy|gensim|protobuf|grpcio|absl-py"
    r"|pytest.*|black|isort|flake8|mypy|pylint|ruff|pre-commit|tox|coverage|sphinx.*|mkdocs.*|pandoc|graphviz|pydot"
    r"|flask|django|fastapi|uvicorn|sqlalchemy|psycopg2|redis.*|pymongo|boto3|botocore|s3fs|gcsfs|awscli"
    r"|rdkit|openbabel|biopython|pysam|samtools|bedtools|blast|hmmer|hhsuite|pdbfixer|mdtraj|mdanalysis"
    r"|gdal|geopandas|shapely|pyproj|rasterio|fiona|cartopy|pyqt|qt|vtk|plotly|bokeh|altair|tensorboard|psutil|gpustat"
    r"|htop|tmux|vim|wget|unzip|zip|tar|rsync|parallel|nano|tree|jq|patch|faiss-cpu|lightgbm|xgboost|catboost"
)


def is_harmless_conda(name: str) -> bool:
    """Whether no version of a package of conda's brings torch, or files of torch's."""
    return _HARMLESS.fullmatch(name.lower()) is not None
