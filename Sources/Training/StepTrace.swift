import Checkpoints
import Communication
import Errors
import Foundation

/// Steps of all workers, lap by lap, as a file for chrome://tracing or ui.perfetto.dev.
///
/// The format is the JSON array of "Trace Event Format" (The Chromium Authors): complete events (`"ph":"X"`) with begin
/// `ts` and duration `dur` in microseconds, and metadata events (`"ph":"M"`) with names. A process (`pid`) is a host in one
/// benchmark, a thread (`tid`) a worker; both count from 1, since viewers take 0 for an idle processor.
package struct StepTrace {
    /// Steps that are kept at the end of a benchmark.
    package let stepLimit: Int
    private var events: [String] = []
    private var processCount = 0

    package init(stepLimit: Int) { self.stepLimit = stepLimit }

    /// Makes sure that the file can be written, by writing an empty trace.
    package func prepare(_ path: String) throws { try Self.write([], to: path) }

    /// What was added on worker 0.
    package func write(to path: String) throws { try Self.write(events, to: path) }

    private static func write(_ events: [String], to path: String) throws {
        try AtomicFile.write([Array("[\n\(events.joined(separator: ",\n"))\n]\n".utf8)], to: path)
    }

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
            let process = processCount + number + 1
            try name("process_name", #""name":\#(literal("\(title) on \(host)"))"#, process: process)
            name("process_sort_index", #""sort_index":\#(process)"#, process: process)
        }
        for (worker, kept) in all.enumerated() {
            let process = processCount + hostNumbers[worker] + 1
            name("thread_name", #""name":"worker \#(worker)""#, process: process, thread: worker + 1)
            name("thread_sort_index", #""sort_index":\#(worker)"#, process: process, thread: worker + 1)
            let zero = first[hostNumbers[worker]] + begin
            // A viewer nests what lies inside of each other where the outer event comes first.
            let ordered = kept.sorted { ($0.begin, $1.end) < ($1.begin, $0.end) }
            for event in ordered { add(event, zero: zero, process: process, thread: worker + 1) }
        }
        processCount += hosts.count
    }

    private mutating func add(_ event: PhaseRecorder.Event, zero: UInt64, process: Int, thread: Int) {
        let phase = Phase(rawValue: Int(event.phase))
        events.append(
            #"{"name":"\#(phase?.name ?? "step \(event.step)")","cat":"\#(phase == nil ? "step" : "phase")","ph":"X","#
                + #""ts":\#(microseconds(event.begin - zero)),"dur":\#(microseconds(event.end - event.begin)),"#
                + #""pid":\#(process),"tid":\#(thread),"args":{"step":\#(event.step)}}"#)
    }

    private mutating func name(_ what: String, _ value: String, process: Int, thread: Int = 0) {
        events.append(
            #"{"name":"\#(what)","ph":"M","pid":\#(process),"tid":\#(thread),"args":{\#(value)}}"#)
    }

    private func literal(_ text: String) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return String(decoding: try encoder.encode(text), as: UTF8.self)
    }

    /// To the nanosecond.
    private func microseconds(_ nanoseconds: UInt64) -> String {
        let rest = String(nanoseconds % 1_000)
        return "\(nanoseconds / 1_000)." + String(repeating: "0", count: 3 - rest.count) + rest
    }
}
