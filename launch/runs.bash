# What is read of a run's folder where runs are compared. Sourced by scripts after common.bash, never started by itself.
# shellcheck shell=bash

# value FILE KEY: from an indented JSON document.
value() { sed -nE "s/^ *\"$2\" : \"?([^\",]*)\"?,?\$/\\1/p" "$1"; }

# result RUN STEPS: everything of a run that ended after STEPS which must not depend on kills, as text.
result() {
    local name
    for name in parametersSHA256 trainLoss validationLoss validationAccuracy testLoss testAccuracy bestMetric bestEpoch steps; do
        say "$name $(value "$1/summary.json" "$name")"
    done
    (cd "$1/checkpoints" && sha256sum "step-$(printf '%06d' "$2").safetensors" && { [[ ! -f best.safetensors ]] || sha256sum best.safetensors; })
    sed -E 's/"(samplesPerSecond|wallSeconds)":[^,}]*,?//g; s/,}/}/' "$1/metrics.jsonl"
}

# newest RUN: sets `newest_step` to that of its newest checkpoint, 0 without one.
newest() {
    local files=("$1"/checkpoints/step-*.safetensors)
    newest_step=${files[-1]##*/step-}
    newest_step=${newest_step%.safetensors}
    if [[ $newest_step == '*' ]]; then newest_step=0; else newest_step=$((10#$newest_step)); fi
}

# draw N: sets `drawn` to 0 … N − 1. The lowest bits of neighbouring seeds are alike.
# shellcheck disable=SC2034
draw() { drawn=$(((RANDOM * 32768 + RANDOM) / 64 % $1)); }

# A descriptor on which nothing ever comes: waiting without a process.
exec {nothing}<> <(:)
# pause MILLISECONDS
pause() {
    local seconds
    printf -v seconds '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
    read -r -t "$seconds" -u "$nothing" || true
}
