#!/usr/bin/env bash
# Test, measure and run the core study on one GPU, without a network. On an H100 its first two stages ran.
#
#   tests/speed/gpu.sh          stages: checks, benchmarks, agreement, study with 5 seeds, cells
#   tests/speed/gpu.sh full     stages: study with 20 seeds, records
#
# Each stage has a time limit. A stage that fails or exceeds its limit does not stop the next one. The last lines are a
# table of the stages. Exit code: 0 if all stages passed, 1 if one did not, 2 if none could start.
#
# $OUT, an empty folder, receives stages.log, frames and the results of the benchmarks: at most 8 files below 16 MiB.
# "full" adds the records as one archive in parts; `cat records.tgz.* | tar xz` unpacks it.
#
# Variables: SKIP="STAGE ..." leaves stages out; STAGE_SECONDS is a time limit and STAGE_ARGS are the arguments of a
# stage, such as STUDY_ARGS="--seeds 1 --datasets wine"; DEVICE=cpu tries the script without a GPU; PYTHON=python3.12.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2

fail() {
  echo "error: $1" >&2
  exit 2
}

call=${1:-first}
case $call in
  first) stages=(checks benchmarks agreement study cells) seeds=5 limit=240 ;;
  full) stages=(study records) seeds=20 limit=540 ;;
  *) fail "$call: expected no argument or \"full\"" ;;
esac
read -ra skipped <<< "${SKIP-}"
for name in "${skipped[@]}"; do
  [[ " ${stages[*]} " == *" $name "* ]] || fail "SKIP: no stage '$name'; the stages are ${stages[*]}"
done

python=${PYTHON:-python3} device=${DEVICE:-cuda}
if [[ -e .gpu/setup.sh ]]; then
  # shellcheck source=/dev/null
  source .gpu/setup.sh || fail ".gpu/setup.sh failed; pack again with tests/speed/pack.sh"
fi
export PYTHONPATH="$PWD:$PWD/tests${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 BENCHMARK_OFFLINE=1
"$python" - "$device" << 'P' || exit 2
import platform, sys, torch
if sys.argv[1] == "cuda" and not torch.cuda.is_available():
    sys.exit("error: torch finds no GPU; DEVICE=cpu tries the script without one")
name = torch.cuda.get_device_name() if sys.argv[1] == "cuda" else "CPU"
print(f"{name}, Python {platform.python_version()}, torch {torch.__version__}")
P

out=${OUT:-.gpu/out}
mkdir -p "$out" || exit 2
[[ -z $(ls -A "$out") ]] || fail "$out holds files; empty it, or name another folder with OUT="
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
touch "$work/started"
log=$out/stages.log
# which kernels run, and why others do not
timeout 60 "$python" -m benchmark doctor 2>&1 | grep -E 'cuda|all pairs|on a GPU|k-means' | tee "$log"
rows=() code=0

stage() { # NAME COMMAND ...: run a command with the limit of the stage, and note its result
  local name=$1 started=$SECONDS status result variable
  shift
  if [[ " ${skipped[*]} " == *" $name "* ]]; then
    rows+=("$(printf '%-10s %7s  skipped' "$name" -)")
    return
  fi
  variable=${name^^}_SECONDS
  local most=${!variable:-${limits[$name]}}
  printf '\n%s, at most %s s\n' "$name" "$most" | tee -a "$log"
  # as Ctrl-C, so that pytest still reports its failures
  timeout --signal=INT --kill-after=15 "$most" "$@" 2>&1 | tee -a "$log"
  status=${PIPESTATUS[0]}
  case $status in
    0) result=passed ;;
    124 | 137) result="ended at its limit of $most s" ;;
    *) result="failed with exit code $status" ;;
  esac
  ((status == 0)) || code=1
  rows+=("$(printf '%-10s %7s  %s' "$name" $((SECONDS - started)) "$result")")
}

declare -A limits=([checks]=120 [benchmarks]=65 [agreement]=55 [study]=$limit [cells]=75 [records]=60)
read -ra checks <<< "${CHECKS_ARGS--n 8 --tb=short}"
read -ra benchmarks <<< "${BENCHMARKS_ARGS-steps decoder features graphs --seeds 2 --repeats 2}"
read -ra agreement <<< "${AGREEMENT_ARGS-cs:20 computers:20 cora:30 digits:30 wine:50}"
read -ra study <<< "${STUDY_ARGS---seeds $seeds}"
read -ra cells <<< "${CELLS_ARGS-}"

if [[ $call == first ]]; then
  mapfile -t files < <(grep -rl --include='test_*.py' 'mark\.gpu' tests)
  stage checks "$python" -m pytest -m gpu -p no:cacheprovider "${checks[@]}" "${files[@]}"
  stage benchmarks "$python" -m speed --device "$device" "${benchmarks[@]}"
  find tests/speed/results -name '*.json' -newer "$work/started" -exec cp {} "$out" \;
  stage agreement "$python" -m speed.agreement --device "$device" "${agreement[@]}"
fi
stage study "$python" -m benchmark run tests/speed/core.toml --device "$device" --results "$work/results" "${study[@]}"
find "$work/results" -maxdepth 1 -name 'core[.-]*' -exec cp {} "$out" \; 2> /dev/null
if [[ $call == first ]]; then
  stage cells "$python" -m speed.together --device "$device" "${cells[@]}"
else
  # shellcheck disable=SC2016
  stage records bash -c 'set -o pipefail; tar -C "$1" -cz records | split -b 15m -d -a 1 - "$2/records.tgz."' \
    pack "$work/results" "$out"
fi

mapfile -t large < <(find "$out" -type f -size +16383k)
count=$(find "$out" -type f | wc -l)
printf '\n%-10s %7s  %s\n' stage seconds result
printf '%s\n' "${rows[@]}"
if ((${#large[@]} || count > 8)); then
  echo "error: $out holds $count files, ${#large[@]} of them with 16 MiB or more: ${large[*]}" >&2
  code=1
fi
exit "$code"
