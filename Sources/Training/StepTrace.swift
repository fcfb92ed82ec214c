import Communication

/// Steps of all workers, lap by lap, for chrome://tracing or ui.perfetto.dev: a process is a host in one benchmark, a thread
/// a worker.
package struct StepTrace {
    /// Steps that are kept at the end of a benchmark.
    package let stepLimit: Int
    private var file = TraceFile()
    private var processCount = 0

    package init(stepLimit: Int) { self.stepLimit = stepLimit }

    /// Makes sure that the file can be written, by writing an empty trace.
    package func prepare(_ path: String) throws { try TraceFile().write(to: path) }

    /// What was added on worker 0.
    package func write(to path: String) throws { try file.write(to: path) }

    /// Adds what all workers kept of a benchmark. Collective.
    ///
    /// - Parameter origin: This worker's clock when it left a barrier before the first kept step. Workers of one host share a clock; the clocks of
    ///   different hosts are brought together by it.
    mutating func add(
        _ title: String, kept: [PhaseRecorder.Event], origin: UInt64, _ communicator: borrowing Communicator
    ) throws {
        let all = try communicator.allGather(kept)
        let origins = try communicator.allGather(origin)
        guard communicator.rank == 0 else { return }
        let names = communicator.hostNames
        let hosts = names.indices.filter { names.firstIndex(of: names[$0]) == $0 }.map { names[$0] }
        let first = hosts.map { host in
            names.indices.reduce(UInt64.max) { names[$1] == host ? min($0, origins[$1]) : $0 }
        }
        let hostNumbers = names.map { name in hosts.firstIndex(of: name) ?? 0 }
        // Laps may lie seconds behind the barrier.
        let begin = all.indices.reduce(UInt64.max) { least, worker in
            all[worker].reduce(least) { min($0, $1.begin - first[hostNumbers[worker]]) }
        }
        for (number, host) in hosts.enumerated() {
            file.nameProcess(processCount + number + 1, "\(title) on \(host)")
        }
        for (worker, kept) in all.enumerated() {
            let process = processCount + hostNumbers[worker] + 1
            file.nameThread(worker + 1, of: process, "worker \(worker)")
            let zero = first[hostNumbers[worker]] + begin
            // A viewer nests what lies inside of each other where the outer event comes first.
            let ordered = kept.sorted { ($0.begin, $1.end) < ($1.begin, $0.end) }
            for event in ordered { add(event, zero: zero, process: process, thread: worker + 1) }
        }
        processCount += hosts.count
    }

    private mutating func add(_ event: PhaseRecorder.Event, zero: UInt64, process: Int, thread: Int) {
        let phase = Phase(rawValue: Int(event.phase))
        file.add(
            phase?.name ?? "step \(event.step)", category: phase == nil ? "step" : "phase",
            nanoseconds: event.begin - zero..<event.end - zero, process: process, thread: thread,
            arguments: ["step": "\(event.step)"])
    }
}
