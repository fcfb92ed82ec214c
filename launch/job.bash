# Builds the command of a job and runs it in a session of its own: signals are passed on, and no process stays behind.
# Sourced by local and supervise after common.bash, with $repository set; never started by itself.
# shellcheck shell=bash
# shellcheck disable=SC2154  # repository

# A path of the user's is taken as it is; a missing one must not silently become another program. Sets `binary`.
find_binary() {
    if [[ -n ${LOCKSTEP_BINARY:-} ]]; then
        binary=$LOCKSTEP_BINARY
        [[ -x $binary && ! -d $binary ]] || fail 66 "LOCKSTEP_BINARY=$binary is not a program"
    elif [[ -x $repository/.build/release/lockstep ]]; then
        binary=$repository/.build/release/lockstep
    else
        binary=$(command -v lockstep) ||
            fail 66 "lockstep is not built: run 'swift build -c release --product lockstep' in $repository (or launch/quickstart)"
    fi
}

# mpirun may be another library's where several are installed; the options here are Open MPI's. Sets `mpirun`.
find_mpirun() { mpirun=$(command -v mpirun.openmpi || command -v mpirun); }

# set_timeout SECONDS: how long a rank or a host may give no sign of life; ranks and mpirun learn it from here.
set_timeout() {
    [[ -z $1 ]] || export LOCKSTEP_TIMEOUT=$1
    timeout_seconds=${LOCKSTEP_TIMEOUT:-60}
    if [[ ! $timeout_seconds =~ ^[1-9][0-9]{0,4}$ ]] || ((timeout_seconds < 2 || timeout_seconds > 86400)); then
        [[ $timeout_seconds == never ]] ||
            fail 64 "--timeout $timeout_seconds: a whole number of seconds from 2 to 86400, or never"
    fi
}

# check_ranks RANKS IS_OVERSUBSCRIBED: of this machine. Sets `ranks` and `cores`.
check_ranks() {
    cores=$(available_cores)
    ranks=${1:-$cores}
    [[ $ranks =~ ^[1-9][0-9]{0,3}$ ]] || fail 64 "-n $ranks: a number of ranks from 1 to 9999 is needed"
    if ((ranks > cores)) && [[ $2 == no ]]; then
        fail 64 "$ranks ranks on $cores core(s): take -n $cores, or add --oversubscribe to share cores (slow, the same bits)"
    fi
}

# Sets `options` to those that any job takes: what the ranks see of this environment.
common_options() {
    local name size width
    options=()
    ((EUID != 0)) || options+=(--allow-run-as-root)
    # A rank sees a pipe or a terminal without a size: only this script knows whether somebody watches.
    unset LOCKSTEP_TERMINAL_WIDTH
    if [[ -t 1 ]]; then
        exec 6>&1 # standard output of a substitution is its pipe
        size=$(stty size <&6 2>/dev/null) || size='0 0'
        exec 6>&-
        width=${size#* }
        ((width > 0)) || width=80
        options+=(-x "LOCKSTEP_TERMINAL_WIDTH=$width")
    fi
    while read -r name; do
        [[ $name == LOCKSTEP_* || $name == NO_COLOR ]] && options+=(-x "$name")
    done < <(compgen -e)
    # mpirun's own words go to descriptor 9, where `explain` reads them; those of the ranks stay on standard error.
    options+=(-x OPAL_OUTPUT_STDERR_FD=2)
}

# local_command ARGUMENT…: sets `command` to `ranks` ranks on this machine, or threads where mpirun is missing, and
# `has_ranks`. After find_binary and check_ranks.
local_command() {
    local threads=() position=1 word
    has_ranks=yes
    if ! find_mpirun; then
        has_ranks=no
        case "$1 ${2:-}" in
        sweep\ list | sweep\ best) ;;
        sweep\ run | bench\ step) threads=(--workers "$ranks") position=2 ;;
        train\ * | resume\ * | sweep\ * | evaluate\ *) threads=(--workers "$ranks") ;;
        esac
        for word in "$@"; do
            [[ $word == --workers || $word == --workers=* ]] && threads=()
        done
        command=("$binary" "${@:1:position}" ${threads[@]+"${threads[@]}"} "${@:position+1}")
        complain "mpirun is missing (Debian: openmpi-bin): ${threads[*]:+$ranks thread(s) of }one process instead of $ranks rank(s)"
        return
    fi
    common_options
    # This machine only, also inside an allocation of a cluster: no remote launcher, no resource manager.
    options+=(--host "localhost:$ranks" --mca plm isolated --mca ras "^slurm,gridengine,tm,lsf,alps,loadleveler,simulator")
    # Shared memory between the ranks; copying through the kernel is slower here than through the mapped segment.
    options+=(--mca pml ob1 --mca btl 'self,vader' --mca btl_vader_single_copy_mechanism none)
    if ((ranks > cores)); then
        options+=(--oversubscribe --bind-to none --mca mpi_yield_when_idle 1)
    else
        options+=(--bind-to core --map-by core)
    fi
    command=("$mpirun" "${options[@]}" -n "$ranks" "$binary" "$@")
}

is_this_host() { [[ $1 == localhost || $1 == 127.0.0.1 || $1 == ::1 || $1 == "$HOSTNAME" ]]; }

# on_host SECONDS HOST COMMAND: runs a shell's command on a host, this one or through ssh, at most so long.
on_host() {
    local agent seconds=$1 host=$2
    if is_this_host "$host"; then
        timeout "$seconds" sh -c "$3" </dev/null
        return
    fi
    read -r -a agent <<<"${OMPI_MCA_plm_rsh_agent:-ssh}"
    [[ ${agent[0]##*/} != ssh ]] || agent+=(-o BatchMode=yes -o ConnectTimeout=5)
    timeout "$seconds" "${agent[@]}" "$host" "$3" </dev/null
}

# hosts_of FILE: prints the lines of a hostfile that name a host, without comments.
hosts_of() { sed -e 's/#.*//' -e 's/^[[:space:]]*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$1"; }

# remote_command COUNT FILE ARGUMENT…: sets `command` to COUNT ranks (as many as there are slots where it is empty) on
# the hosts of FILE.
remote_command() {
    local count=$1 file=$2
    shift 2
    common_options
    options+=(--hostfile "$file")
    local limit=$timeout_seconds pause agent
    [[ $limit != never ]] || limit=60
    # A host whose cable is cut is missed after two thirds of the time-out, before ranks miss each other; TCP by itself
    # would wait for minutes, and for a host that stands still for ever.
    pause=$((limit >= 12 ? limit / 12 : 1))
    options+=(--mca oob_tcp_keepalive_time $((limit / 3 + 1)) --mca oob_tcp_keepalive_intvl "$pause")
    options+=(--mca oob_tcp_keepalive_probes $((limit / 3 / pause > 1 ? limit / 3 / pause : 1)))
    read -r -a agent <<<"${OMPI_MCA_plm_rsh_agent:-ssh}"
    if [[ ${agent[0]##*/} == ssh && $timeout_seconds != never ]]; then
        pause=$((limit >= 12 ? limit / 6 : 1))
        options+=(--mca plm_rsh_args "${OMPI_MCA_plm_rsh_args:+$OMPI_MCA_plm_rsh_args }-o ConnectTimeout=$((limit < 30 ? limit : 30)) -o ServerAliveInterval=$pause -o ServerAliveCountMax=3")
    fi
    if [[ $is_oversubscribed == yes ]]; then
        options+=(--oversubscribe --bind-to none --mca mpi_yield_when_idle 1)
    else
        options+=(--bind-to core --map-by core)
    fi
    command=("$mpirun" "${options[@]}" ${count:+-n "$count"} "$binary" "$@")
}

# run_folder ARGUMENT…: prints the folder of the run that lockstep is to write, where the arguments say it.
run_folder() {
    local word found=''
    if [[ $1 == resume ]]; then
        [[ ${2:-} == -* ]] || found=${2:-}
    else
        while (($# > 0)); do
            word=$1
            shift
            case $word in
            --out) found=${1:-} ;;
            --out=*) found=${word#*=} ;;
            esac
        done
    fi
    printf '%s' "$found"
}

# newest_step FOLDER: prints the step of a run's newest checkpoint; nothing where there is none.
newest_step() {
    local file digits newest=''
    for file in "$1"/checkpoints/step-*.safetensors; do
        digits=${file##*/step-}
        digits=${digits%.safetensors}
        [[ $digits =~ ^[0-9]+$ ]] || continue
        ((10#$digits <= ${newest:-0})) || newest=$((10#$digits))
    done
    printf '%s' "$newest"
}

# Whether `command` is an mpirun, and whether some of its ranks are on other hosts.
has_ranks=yes is_remote=no
# Process id of the first process of the job, mpirun or lockstep itself, and its session.
job=''
# Seconds after which what gives no sign of life is gone, or never.
timeout_seconds=60
# What the job is told to stop for: INT, TERM or HUP; it stays.
stop_reason=''
last_interrupt=0
# Of the last job: whether it was ended rather than stopped, its exit code, and what it died of where mpirun knows.
was_ended=no job_status=0
# shellcheck disable=SC2034  # used by the scripts that source this file
job_story=''
# The run's folder, for what is said about it.
folder_of_run=''
exec 7>&2

# The terminal may be gone; that must not end a trap.
tell() { complain "$@" 2>&7 || true; }

# The exit code of a job that was ended by the signal.
stop_code() {
    case $stop_reason in
    HUP) printf 129 ;;
    INT) printf 130 ;;
    *) printf 143 ;;
    esac
}

# Prints "process parent group" for each living process of the job's session.
session_processes() {
    local file line fields tasks
    for file in /proc/[0-9]*/stat; do
        { read -r line <"$file"; } 2>/dev/null || continue
        # After the name in parentheses: state, parent, process group, session.
        read -r -a fields <<<"${line##*) }"
        [[ ${fields[3]:-} == "$job" ]] || continue
        # A dead process whose other threads are still in a system call, such as a rename, holds its files.
        if [[ ${fields[0]} == [ZX] ]]; then
            tasks=("${file%/stat}"/task/*)
            ((${#tasks[@]} > 1)) || continue
        fi
        printf '%s %s %s\n' "${line%% *}" "${fields[1]}" "${fields[2]}"
    done
}

# shellcheck disable=SC2317  # called by the traps
# Prints the process groups of the ranks on this machine: mpirun gives each its own.
rank_groups() { session_processes | awk -v job="$job" '$2 == job && $3 != job { print $3 }'; }

# Ends all processes of the job: its mpirun in order, so that it removes its files and ends the ranks on other hosts.
end_session() {
    local ids attempt processes
    mapfile -t ids < <(session_processes | awk -v job="$job" '$1 != job { print $1 }')
    if [[ $has_ranks == yes ]]; then kill -TERM "$job" 2>/dev/null || true; else ids+=("$job"); fi
    # SIGTERM would ask a rank for a checkpoint.
    [[ $is_remote == yes ]] || kill -KILL "${ids[@]}" 2>/dev/null || true
    for ((attempt = 0; attempt < 30; attempt++)); do
        processes=$(session_processes)
        [[ -n $processes ]] || return 0
        sleep 0.1 || true
    done
    mapfile -t ids < <(awk '{ print $1 }' <<<"$processes")
    kill -KILL "${ids[@]}" 2>/dev/null || true
    # What mpirun cannot remove any more; supervise's own folder goes as a whole.
    [[ $has_ranks == no ]] || rm -rf "${TMPDIR:-/tmp}/ompi.$HOSTNAME.$EUID/pid.$job"
    # A slow disk may hold one for a while, and with it the run's lock.
    for ((attempt = 0; attempt < 300; attempt++)); do
        [[ -n $(session_processes) ]] || return 0
        sleep 0.1 || true
    done
}

# shellcheck disable=SC2317  # called by the traps
what_is_lost() {
    local step=''
    [[ -z $folder_of_run ]] || step=$(newest_step "$folder_of_run")
    if [[ -n $step ]]; then
        printf 'what was trained since the checkpoint of step %s is lost' "$step"
    elif [[ -n $folder_of_run ]]; then
        printf 'no checkpoint was written yet, so all is lost'
    else
        printf 'what was trained since the last checkpoint is lost'
    fi
}

# shellcheck disable=SC2317  # called by the traps
# What a signal does while no job runs; a script may have its own.
stop_without_job() { exit "$(stop_code)"; }

# shellcheck disable=SC2317  # called by the traps
# on_signal NAME: asks the ranks to save and stop; a second Ctrl-C within 2 s ends them.
on_signal() {
    local moment group groups
    moment=$(now)
    is_interrupted=yes
    if [[ -z $job ]]; then
        stop_reason=$1
        stop_without_job
        return
    fi
    groups=$(rank_groups)
    if [[ $1 == INT ]] && ((moment - last_interrupt < 2000000)); then
        # Ranks that have saved are gone, and mpirun follows.
        [[ $has_ranks == no || $is_remote == yes || -n $groups ]] || return 0
        stop_reason=$1 was_ended=yes
        # SIGTERM asks a rank for a checkpoint, and this user does not wait.
        end_session
        tell "ended at once: $(what_is_lost)"
    elif [[ $was_ended == yes ]]; then
        return
    elif [[ $has_ranks == yes && $is_remote == no && -z $groups && -z $stop_reason ]]; then
        stop_reason=$1 was_ended=yes
        tell "stopped before the ranks had started"
        end_session
    else
        if [[ $1 == INT && -z $stop_reason ]]; then
            tell "stopping after this step; Ctrl-C again within 2 s ends at once"
        fi
        stop_reason=$1
        # Straight to the ranks: mpirun drops a signal that comes early, and prints a line for each that it forwards. One
        # rank is enough; where none is on this machine, mpirun must do it.
        for group in ${groups:-"$job"}; do
            kill -USR1 -- "-$group" 2>/dev/null || true
        done
    fi
    if [[ $1 == INT ]]; then last_interrupt=$moment; fi
}

# Of mpirun's own lines, those that say more than the ranks' own: a death becomes `job_story`, others are printed.
explain() {
    local text died='process rank ([0-9]+) with PID [0-9]+ on node ([^ ]+) exited on signal ([0-9]+ \([^)]*\))'
    text=$(cat <&8)
    if [[ $text == *"$hangs"* ]]; then
        job_status=70 job_story="mpirun did not reach a host, and was ended"
    elif [[ $text =~ $died ]]; then
        job_story="rank ${BASH_REMATCH[1]} on ${BASH_REMATCH[2]} was ended by signal ${BASH_REMATCH[3]}"
    elif [[ $text =~ lost\ communication\ with.*Remote\ daemon:[^$'\n']*on\ node\ ([^[:space:]]+) ]]; then
        job_story="mpirun lost the host ${BASH_REMATCH[1]}"
    elif [[ $text =~ (unable to reliably start|lost communication with) ]]; then
        job_story="mpirun did not reach a host, or lost it"
    elif [[ -n $text && -z $stop_reason && ! $text =~ non-zero|MPI_ABORT|util/show_help\.c ]]; then
        printf '%s\n' "$text" >&2
    fi
}

# Ends a job of which mpirun has said that it failed, and which does not end: mpirun waits for its daemon on a host that
# stands still. Runs beside the job.
await_failed() {
    local limit=8 seconds=0 nothing
    trap '' INT TERM HUP
    # A descriptor on which nothing ever comes: waiting without a process.
    exec {nothing}<> <(:)
    while ((seconds < limit)); do
        read -r -t 1 -u "$nothing" || true
        kill -0 "$job" 2>/dev/null || return 0
        # Opened anew: the place in the file is explain's.
        if grep --quiet --extended-regexp 'has been aborted|lost communication|unable to reliably' /proc/self/fd/8; then
            seconds=$((seconds + 1))
        fi
    done
    printf '%s\n' "$hangs" >>/proc/self/fd/8
    # SIGTERM lets a mpirun that is ending already crash.
    kill -KILL "$job" 2>/dev/null || true
    end_session
}
readonly hangs='launch: mpirun hangs'

trap_signals() {
    trap 'on_signal INT' INT
    trap 'on_signal TERM' TERM
    trap 'on_signal HUP' HUP
}

# run_job: runs `command` (with `has_ranks`, and `is_remote` where some are on other hosts) to its end.
run_job() {
    local words code is_interrupted watcher=''
    # shellcheck disable=SC2034
    was_ended=no job_status=127 job_story=''
    # Both ends of an unnamed file: nothing to remove, even after SIGKILL.
    words=$(mktemp)
    exec 9>"$words"
    exec 8<"$words"
    rm -f "$words"

    # A session of its own: Ctrl-C reaches this script alone. Should this script die, the kernel sends SIGTERM to mpirun,
    # whose ranks then have a second to save; the inner shell sees a death that came before the kernel was asked.
    # shellcheck disable=SC2016  # expanded by the inner shell
    OPAL_OUTPUT_STDERR_FD=9 setsid setpriv --pdeathsig TERM \
        "$BASH" -c '((PPID == $0)) || exit 143; exec "$@"' $$ "${command[@]}" 8<&- &
    job=$!
    exec 9>&-
    if [[ $is_remote == yes && $timeout_seconds != never ]]; then
        await_failed &
        watcher=$!
    fi

    # `wait` returns early for each trapped signal; 127 says that the code was already taken.
    while :; do
        is_interrupted=no code=0
        wait "$job" 2>/dev/null || code=$? # bash's own line on a job that was killed goes to /dev/null
        ((code == 127)) || job_status=$code
        [[ $is_interrupted == yes ]] || break
    done
    if [[ -n $watcher ]]; then
        kill -KILL "$watcher" 2>/dev/null || true
        wait "$watcher" 2>/dev/null || true
    fi

    if [[ -n $(session_processes) ]]; then
        # shellcheck disable=SC2034
        [[ $was_ended == yes ]] || job_story="mpirun died (exit code $job_status); its ranks are ended"
        end_session
    fi
    [[ $was_ended == yes ]] || explain
    exec 8<&-
    job=''
}

# Whether the job was stopped before there was anything to save: its processes then end by the signal, or say so.
ended_before_training() { [[ -n $stop_reason && $was_ended == no ]] && ((job_status == 138)); }
