# Functions that the scripts of this folder share. Sourced by them, never started by itself.
# shellcheck shell=bash

# Debian packages: what building and training need, and what the checks need besides.
# shellcheck disable=SC2034  # used by the scripts that source this file
readonly build_packages=(
    g++ git libopenmpi-dev openmpi-bin pkg-config zlib1g-dev libpng-dev libsqlite3-dev curl dataset-fashion-mnist)
# What a Swift toolchain's own programs are linked with.
readonly swift_packages=(libcurl4-openssl-dev libedit-dev libncurses-dev libpython3-dev libsqlite3-dev libxml2-dev tzdata)
# shellcheck disable=SC2034
readonly check_packages=(shellcheck binutils python3 iproute2 openssh-server)
readonly required_swift=6.2

if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    readonly bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m' is_interactive=yes
else
    readonly bold='' red='' plain='' is_interactive=no
fi

say() { printf '%s\n' "$*"; }
headline() { printf '%s%s%s\n' "$bold" "$*" "$plain"; }
complain() { printf '%s%s:%s %s\n' "$red" "launch/${0##*/}" "$plain" "$*" >&2; }

# fail CODE LINE
fail() {
    complain "$2"
    exit "$1"
}

# The comment at the top of a script is its help text.
print_usage() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$1"; }

# Microseconds. The separator in EPOCHREALTIME depends on the locale.
now() { printf '%s' "${EPOCHREALTIME/[.,]/}"; }

seconds_since() {
    local tenths=$((($(now) - $1) / 100000))
    printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

stage_names=()
stage_seconds=()
stages_began=$(now)

# run_stage NAME COMMAND… runs it and keeps its time; a failure ends the script, naming the stage. Code 75: the user
# stopped a training, which can be resumed.
run_stage() {
    local name=$1 began code=0
    shift
    headline "── $name"
    began=$(now)
    "$@" || code=$?
    stage_names+=("$name")
    stage_seconds+=("$(seconds_since "$began")")
    ((code == 0)) && return
    print_stages
    ((code != 75)) || fail "$code" "stopped: $name (exit code $code)"
    fail "$code" "failed: $name (exit code $code)"
}

print_stages() {
    local index
    printf '\n'
    for index in "${!stage_names[@]}"; do
        printf '%9s s  %s\n' "${stage_seconds[index]}" "${stage_names[index]}"
    done
    printf '%9s s  %s\n' "$(seconds_since "$stages_began")" total
}

# require_packages PACKAGE… installs those that are missing; without any missing it makes no call of apt.
require_packages() {
    local installed package as_root=() missing=()
    if ! command -v dpkg-query >/dev/null; then
        say "This is not Debian: make sure that you have what these packages hold: $*"
        return
    fi
    # dpkg-query exits with 1 where one package is unknown: what it prints is the answer.
    installed=$(dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
    for package in "$@"; do
        grep --quiet --line-regexp --fixed-strings "$package installed" <<<"$installed" || missing+=("$package")
    done
    if ((${#missing[@]} == 0)); then
        say "Debian packages: nothing is missing."
        return
    fi
    if ((EUID != 0)); then
        if ! command -v sudo >/dev/null; then
            complain "Debian packages are missing, and there is neither root nor sudo. An administrator must run:"
            printf '    apt-get update && apt-get install --yes --no-install-recommends %s\n' "${missing[*]}" >&2
            exit 1
        fi
        as_root=(sudo)
    fi
    say "Installing Debian packages${as_root:+ through sudo}: ${missing[*]}"
    # `env`, since sudo drops variables; a lock timeout, since a fresh machine may be updating itself.
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0)
    "${apt[@]}" update || complain "apt-get update failed; trying with the package lists that are here"
    if ! "${apt[@]}" install --yes --no-install-recommends "${missing[@]}" >/dev/null; then
        complain "apt-get could not install: ${missing[*]}"
        return 1
    fi
}

require_swift() {
    local text version='' swiftly="${SWIFTLY_HOME_DIR:-$HOME/.local/share/swiftly}/env.sh"
    if command -v swift >/dev/null; then
        text=$(swift --version 2>&1 || true)
        if [[ $text == *'error while loading shared libraries'* ]]; then
            require_packages "${swift_packages[@]}"
            text=$(swift --version 2>&1 || true)
        fi
        [[ $text =~ Swift\ version\ ([0-9]+(\.[0-9]+)*) ]] && version=${BASH_REMATCH[1]}
    fi
    if [[ -n $version && $(printf '%s\n' "$required_swift" "$version" | sort --version-sort | head -n 1) == "$required_swift" ]]; then
        say "Swift $version"
        return
    fi
    if [[ -n $version ]]; then
        complain "Swift $version is too old: Lockstep needs $required_swift or newer."
    elif command -v swift >/dev/null; then
        complain "$(command -v swift) does not tell its version; Lockstep needs Swift $required_swift or newer. It says:"
        printf '    %s\n' "${text%%$'\n'*}" >&2
    elif [[ -r $swiftly ]]; then
        complain "swift is not on PATH, but swiftly is installed. Run this and start again:"
        say "    . $swiftly" >&2
        return 1
    else
        complain "Swift is missing: Lockstep needs $required_swift or newer."
    fi
    cat >&2 <<END
    Get it from https://www.swift.org/install/linux with these commands, and start again:
        curl -O https://download.swift.org/swiftly/linux/swiftly-$(uname -m).tar.gz
        tar zxf swiftly-$(uname -m).tar.gz && ./swiftly init
        . "\${SWIFTLY_HOME_DIR:-\$HOME/.local/share/swiftly}/env.sh"
END
    return 1
}

# The physical cores that this process may use: its affinity, bounded by the quota of its control groups.
available_cores() {
    local cores quota_us period_us group
    cores=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
    if command -v lscpu >/dev/null; then
        cores=$(LC_ALL=C lscpu --parse=CPU,CORE,SOCKET 2>/dev/null | awk -F, -v allowed="$(allowed_processors)" -v fallback="$cores" '
            BEGIN {
                parts = split(allowed, ranges, ",")
                for (i = 1; i <= parts; i++) {
                    if (split(ranges[i], ends, "-") == 1) ends[2] = ends[1]
                    for (cpu = ends[1] + 0; cpu <= ends[2] + 0; cpu++) is_allowed[cpu] = 1
                }
            }
            !/^#/ && ($1 in is_allowed) && !(($2, $3) in seen) { seen[$2, $3] = 1; count++ }
            END { print count ? count : fallback }')
    fi
    group=$(awk -F: '$1 == "0" { print $3 }' /proc/self/cgroup 2>/dev/null || true)
    while :; do
        if read -r quota_us period_us 2>/dev/null <"/sys/fs/cgroup$group/cpu.max" && [[ $quota_us != max ]]; then
            ((quota_us / period_us >= cores)) || cores=$((quota_us / period_us))
        fi
        [[ $group == */* ]] || break
        group=${group%/*}
    done
    printf '%d' $((cores > 0 ? cores : 1))
}

allowed_processors() { awk '/^Cpus_allowed_list:/ { print $2 }' /proc/self/status; }
