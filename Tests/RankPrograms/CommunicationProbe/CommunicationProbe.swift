import Communication
import Errors
import Foundation
import KernelContract
import Kernels
import Tensors

/// What rank tests start under mpirun: one small program for each claim. Prints from rank 0 unless said otherwise.
@main
struct CommunicationProbe {
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let launch = Launcher.detect(environment: ProcessInfo.processInfo.environment)
        let workers = arguments.count > 1 && arguments[0] == "threads" ? Int(arguments[1]) : nil
        do throws(Failure) {
            let plan: WorkerPlan
            do throws(Failure) {
                plan = try launch.plan(workers: workers, defaultWorkers: 1)
            } catch {
                if launch.rank == 0 { report(error) }
                throw error
            }
            let watch = RankWatch(
                timeoutSeconds: try RankWatch.timeout(environment: ProcessInfo.processInfo.environment),
                end: { failure, speaks in
                    if speaks { report(failure) }
                    _exit(failure.kind.rawValue)
                }, note: { write($0 + "\n", to: 2) })
            _ = try withWorkers(plan, watch: watch, onFailure: { report($0) }) { communicator in
                try run(workers == nil ? arguments : Array(arguments.dropFirst(2)), communicator)
            }
        } catch {
            exit(error.kind.rawValue)
        }
    }

    /// The best that the machine has.
    private static var kernels: any KernelSet { KernelSelection.available[0] }

    private static func report(_ failure: Failure) { write(failure.message + "\n", to: 2) }

    private static func write(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8)
        _ = Foundation.write(descriptor, bytes, bytes.count)
    }

    private static func run(_ arguments: [String], _ communicator: borrowing Communicator) throws {
        let rank = communicator.rank
        let target = arguments.count > 1 ? Int(arguments[1]) ?? 0 : 0
        func say(_ text: String) { if rank == 0 { write(text + "\n", to: 1) } }

        switch arguments.first {
        case "reduce": say(try reduce(communicator))
        case "batch-sums":
            try ReferenceBatchSums.run(communicator)
            say("sums \(communicator.size)")
        case "gather":
            try gather(communicator)
            say("gathered \(communicator.size)")
        case "agree":
            // Rank `target` and all above it fail, each with its own words.
            try communicator.agree {
                if rank >= target { throw Failure(.data, "file \(rank) is bad") }
            }
        case "agree-all": try communicator.agree { throw Failure(.inputNotFound, "no such file") }
        case "throw-alone":
            if rank == target { throw Failure(.notFinite, "the loss is not finite") }
            while true { try communicator.barrier() }
        case "steps":
            // Until killed, with a line from every rank.
            write("rank \(rank) process \(getpid())\n", to: 1)
            let layout = ReferenceReduction.layout
            while true {
                _ = try ReferenceReduction.run(
                    communicator, layout: layout, grainCounts: [Int](repeating: 16, count: 1_000))
            }
        case "groups":
            try GroupExercise.meet(communicator, GroupPlan(workerCount: communicator.size, groupSize: target))
            try GroupExercise.converse(communicator, count: 50)
            say("groups of \(target)")
        case "traffic": say(try traffic(communicator, grainCount: target))
        case "mean": say(try mean(communicator))
        case "measure": say(try measure(communicator))
        default: throw Failure(.usage, "CommunicationProbe: unknown arguments \(arguments)")
        }
    }

    /// Every reduction must equal its slow twin on every worker; the line holds a hash of all parameters.
    private static func reduce(_ communicator: borrowing Communicator) throws -> String {
        let layout = ReferenceReduction.layout
        let grainCounts = Array(1...17)
        let outcome = try ReferenceReduction.run(
            communicator, layout: layout, grainCounts: grainCounts, kernels: kernels)
        // 1, 3, 2, 1, 3 …
        let speeds = (0..<communicator.size).map { [1.0, 3, 2][$0 % 3] }
        let uneven = try ReferenceReduction.run(
            communicator, layout: layout, grainCounts: grainCounts, kernels: kernels, speeds: speeds)
        let areMoved = try communicator.allGather(uneven.slice != outcome.slice)
        let expected = ReferenceReduction.expected(layout: layout, grainCounts: grainCounts)
        try communicator.agree {
            guard uneven.parameters == expected.parameters, uneven.statistics == expected.statistics,
                uneven.gradients == expected.gradients.map({ Array($0[uneven.slice]) })
            else { throw Failure(.internal, "not the canonical sum where grains are divided by speeds \(speeds)") }
            guard communicator.size == 1 || areMoved.contains(true) else {
                throw Failure(.internal, "speeds \(speeds) do not matter")
            }
            let gradients = expected.gradients.map { Array($0[outcome.slice]) }
            for step in grainCounts.indices where outcome.gradients[step] != gradients[step] {
                throw Failure(.internal, "\(grainCounts[step]) grains: not the canonical sum")
            }
            guard outcome.parameters == expected.parameters else { throw Failure(.internal, "wrong parameters") }
            // Less than a page at each end of the own slice.
            guard !outcome.isShared || outcome.copiedFloatCount < 2 * 1_024 else {
                throw Failure(.internal, "\(outcome.copiedFloatCount) floats are copied")
            }
            guard outcome.statistics == expected.statistics else { throw Failure(.internal, "wrong statistics") }
        }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for value in outcome.parameters { hash = (hash ^ UInt64(value.bitPattern)) &* 0x100_0000_01b3 }
        return "hash \(String(hash, radix: 16)) path \(outcome.isShared ? "shared" : "messages")"
    }

    /// Bytes that each host sends to others in a step of a 784-128-64-10 network, by those of its parameters.
    private static func traffic(_ communicator: borrowing Communicator, grainCount: Int) throws -> String {
        var layout = ParameterLayout()
        for (inputs, outputs) in [(784, 128), (128, 64), (64, 10)] {
            layout.append("\(inputs).weight", [inputs, outputs])
            layout.append("\(inputs).bias", [outputs])
        }
        let outcome = try ReferenceReduction.run(
            communicator, layout: layout, grainCounts: [grainCount], kernels: kernels)
        let sent = try communicator.allGather(outcome.sentByteCount)
        let parameterBytes = layout.entries.reduce(0) { $0 + $1.range.count } * MemoryLayout<Float>.stride
        return communicator.hostMembers.map { "\(Double(sent[$0].reduce(0, +)) / Double(parameterBytes))" }
            .joined(separator: " ")
    }

    private static func gather(_ communicator: borrowing Communicator) throws {
        let (rank, size) = (communicator.rank, communicator.size)
        let values = try communicator.allGather(rank * rank)
        let texts = try communicator.allGather(bytes: [UInt8](repeating: UInt8(rank), count: rank % 3 * 50_000))
        let last = try communicator.broadcast(bytes: Array("from \(rank)".utf8), root: size - 1)
        let number = try communicator.broadcast(Double(rank) + 0.5, root: size / 2)
        try communicator.agree {
            guard values == (0..<size).map({ $0 * $0 }),
                texts == (0..<size).map({ [UInt8](repeating: UInt8($0), count: $0 % 3 * 50_000) }),
                last == Array("from \(size - 1)".utf8), number == Double(size / 2) + 0.5
            else { throw Failure(.internal, "wrong values") }
        }
    }

    /// `--reduction mpi`: near the canonical sum, with the same parameters on all ranks.
    private static func mean(_ communicator: borrowing Communicator) throws -> String {
        let layout = ReferenceReduction.layout
        let outcome = try ReferenceReduction.run(communicator, layout: layout, grainCounts: [16, 5], mode: .mpi)
        let expected = ReferenceReduction.expected(layout: layout, grainCounts: [16, 5])
        try communicator.agree {
            for (value, exact) in zip(outcome.parameters, expected.parameters) {
                guard abs(value - exact) <= 1e-3 + 1e-5 * abs(exact) else {
                    throw Failure(.internal, "\(value) is not near \(exact)")
                }
            }
            guard outcome.statistics == expected.statistics else { throw Failure(.internal, "wrong statistics") }
        }
        return "near"
    }

    /// Microseconds of a barrier, and of a reduction with publication of 109,386 floats in two tensors.
    private static func measure(_ communicator: borrowing Communicator) throws -> String {
        func microseconds(_ count: Int, _ body: () throws -> Void) throws -> Double {
            try communicator.barrier()
            let begin = ContinuousClock.now
            for _ in 0..<count { try body() }
            return (ContinuousClock.now - begin) / .microseconds(1) / Double(count)
        }
        let barriers = try (0..<5).map { _ in try microseconds(100_000) { try communicator.barrier() } }
        var layout = ParameterLayout()
        layout.append("weight", [784, 128])
        layout.append("rest", [109_386 - 784 * 128])
        let reducer = try GradientReducer(
            communicator: communicator, layout: layout, grainCounts: [8], kernels: kernels)
        let runs = reducer.runs()
        let nodeCount = reducer.nodes(grainCount: 8).count
        let steps = try (0..<5).map { _ in
            try microseconds(2_000) {
                for node in 0..<nodeCount { reducer.partial(node).update(repeating: 1, count: layout.floatCount) }
                try reducer.collect(grainCount: 8)
                try reducer.reduce(runs, grainCount: 8) { range, gradient in
                    for i in range { reducer.parameters[i] -= 0.5 * gradient[i - range.lowerBound] }
                }
                reducer.post(reducer.slice)
                try reducer.publish()
            }
        }
        let fills = try (0..<5).map { _ in
            try microseconds(2_000) {
                for node in 0..<nodeCount { reducer.partial(node).update(repeating: 1, count: layout.floatCount) }
            }
        }
        try communicator.barrier()
        let path = reducer.whyNotShared ?? "shared memory"
        return "\(communicator.kind) \(communicator.size), \(path): barrier \(barriers.min()!) µs, "
            + "write partials + reduce + publish \(steps.min()!) µs, write partials alone \(fills.min()!) µs"
    }
}
