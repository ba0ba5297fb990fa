#!/usr/bin/env bash
# Pack what a GPU machine without a network lacks: wheels of small packages, and the data. Below 64 MiB.
#
#   tests/speed/pack.sh DATA_ROOT [FOLDER ...]     (folders of the data root; default: all)
#
# Copy the checkout with its ignored folder .gpu to the machine. tests/speed/gpu.sh reads .gpu/setup.sh by itself. In
# other shells, `source .gpu/setup.sh` from the checkout's root. The machine needs Python 3.12 and the packages below.
# Variables: PYTHON runs pip here; TARGET is the Python version of the machine (default 3.12).
set -euo pipefail

root=${1:?usage: tests/speed/pack.sh DATA_ROOT [FOLDER ...]}
[[ -d $root ]] || { echo "error: $root: no such folder; name the folder of the raw data" >&2 && exit 2; }
root=$(cd "$root" && pwd)
shift
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
python=${PYTHON:-python3} target=${TARGET:-3.12}
there=(torch torch-geometric scikit-learn pandas matplotlib seaborn numpy scipy pyarrow statsmodels setuptools triton)
needless=(latents-benchmark playwright) # the package itself and Ray; a browser

rm -rf .gpu/wheels .gpu/site .gpu/data
mkdir -p .gpu/wheels .gpu/data
wanted=$(
  "$python" - "${there[@]}" "${needless[@]}" << 'P'
import re, sys, tomllib

with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)["project"]
for line in (*project["dependencies"], *project["optional-dependencies"]["test"]):
    if re.match(r"[\w-]+", line)[0] not in sys.argv[1:]:
        print(line)
P
)
mapfile -t wanted <<< "$wanted"
platforms=()
for each in manylinux_2_28 manylinux_2_27 manylinux_2_17 manylinux2014 manylinux1; do
  platforms+=(--platform "${each}_x86_64")
done
"$python" -m pip download --quiet --disable-pip-version-check --only-binary=:all: --implementation cp \
  --python-version "$target" "${platforms[@]}" --dest .gpu/wheels "${wanted[@]}"
# a second numpy, which h5py asks for, would replace the one that the packages of the machine were built with
for each in "${there[@]}"; do
  rm -f .gpu/wheels/"${each//-/_}"-[0-9]*.whl
done
if (($#)); then
  for folder in "$@"; do
    cp -r "$root/$folder" .gpu/data/
  done
else
  cp -r "$root"/. .gpu/data/
fi

cat > .gpu/setup.sh << S
# Install the packed wheels into .gpu/site, unless they are there, and let this shell find them and the data.
if [ ! -d .gpu/site ]; then
  "\${PYTHON:-python3}" -c 'import sys; v = "%d.%d" % sys.version_info[:2]; v == "$target" or sys.exit(
      f"error: .gpu is packed for Python $target, and this is {v}; set PYTHON, or pack with TARGET={v}")' || return 2
  "\${PYTHON:-python3}" -m pip install --quiet --disable-pip-version-check --no-index --no-deps --no-compile \\
    --target .gpu/site .gpu/wheels/*.whl || return 2
fi
export PYTHONPATH="\$PWD/.gpu/site:\$PWD\${PYTHONPATH:+:\$PYTHONPATH}"
export BENCHMARK_DATA_ROOT="\$PWD/.gpu/data" BENCHMARK_OFFLINE=1
S

size=$(du -sm .gpu | cut -f1)
echo ".gpu: $size MiB with $(find .gpu/wheels -name '*.whl' | wc -l) wheels. The machine needs Python $target with ${there[*]}."
((size < 64)) || { echo "error: .gpu has $size MiB, more than 64; name folders of the data root" >&2 && exit 1; }
