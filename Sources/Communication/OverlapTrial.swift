#if MPI
    import Errors
    import Foundation

    /// Whether gradients travel to other hosts while those of layers before are computed. `LOCKSTEP_OVERLAP` says so, `on` or
    /// `off`; otherwise it is tried: the first steps do one and the other in turn, and what was faster stays. No bit depends on it.
    struct OverlapTrial {
        /// Whether there is anything to overlap, and a thread may do it.
        let isPossible: Bool
        /// What this step does.
        private(set) var overlaps: Bool
        /// Of all steps from here on; nil while it is tried, and where it cannot be.
        private(set) var decision: Bool?
        private let endpoint: Endpoint
        private var lastEnd = DispatchTime.now().uptimeNanoseconds
        /// Nanoseconds of steps without and with.
        private var durations: ([UInt64], [UInt64]) = ([], [])
        private var stepCount = 0

        static let variable = "LOCKSTEP_OVERLAP"
        /// The first ones meet cold caches and connections.
        private static let ignoredStepCount = 8
        private static let triedStepCount = 32
        /// A thread that looks for messages takes its part of a core.
        private static let leastGain = 0.01

        /// Collective.
        init(_ endpoint: Endpoint, isPossible: Bool) throws {
            self.endpoint = endpoint
            let threads = try endpoint.allGather(value: MPI.threadSupport == .serialized)
            // Said on any rank it holds for all.
            let asked = try endpoint.allGather(bytes: Array(Self.text.utf8)).first { !$0.isEmpty }
            let answer: Bool? = asked == Array("on".utf8) ? true : asked == Array("off".utf8) ? false : nil
            let couldBe = isPossible && threads.allSatisfy { $0 }
            self.isPossible = couldBe && answer != false
            overlaps = self.isPossible
            decision = couldBe ? answer : nil
        }

        private static var text: String { getenv(variable).map { String(cString: $0) } ?? "" }

        static func checkVariable() throws {
            guard ["", "auto", "on", "off"].contains(text) else {
                throw Failure(.usage, "\(variable)=\(text): it is auto (the default: what is faster), on or off")
            }
        }

        /// Ends a step; all workers' decision is worker 0's. Collective.
        mutating func finishStep() throws {
            guard isPossible && decision == nil else { return }
            let now = DispatchTime.now().uptimeNanoseconds
            stepCount += 1
            if stepCount > Self.ignoredStepCount {
                if overlaps { durations.1.append(now - lastEnd) } else { durations.0.append(now - lastEnd) }
            }
            overlaps.toggle()
            if stepCount == Self.ignoredStepCount + Self.triedStepCount {
                let (without, with) = (Self.median(durations.0), Self.median(durations.1))
                overlaps = try Communicator(endpoint).broadcast(with < without * (1 - Self.leastGain), root: 0)
                decision = overlaps
            }
            lastEnd = DispatchTime.now().uptimeNanoseconds
        }

        private static func median(_ values: [UInt64]) -> Double { Double(values.sorted()[values.count / 2]) }
    }

    @available(*, unavailable) extension OverlapTrial: Sendable {}
#endif
