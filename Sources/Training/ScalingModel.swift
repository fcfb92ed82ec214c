import KernelContract
import Numerics

/// The time of a training step on any number of workers and hosts, from what one machine and one link were measured to take.
///
/// A step of P workers, L on each of H hosts, with G grains a batch: forward and backward of ⌈G / P⌉ grains; the optimizer on a
/// P-th of the parameters; the host's memory, where L > 1; two messages with each other host, and the payload, less what of it
/// travels during the backward pass; and waiting for the slowest of P workers.
package struct ScalingModel: Codable, Sendable {
    /// Of a batch.
    package var grainCount: Int
    package var grainSize: Int
    package var parameters: Int
    /// By number of grains: microseconds of a worker's forward and backward.
    package var compute: [GrainCost]
    /// Microseconds of the optimizer for all parameters.
    package var update: Double
    /// The reduction among a host's workers, by bytes of all parameters.
    package var memory: CostLine
    /// A message between hosts, while one comes the other way, by its bytes.
    package var link: CostLine
    /// What each further message between the same hosts adds, in microseconds.
    package var perMessage: Double
    /// Standard deviation of a worker's time for a step, as a share of it; steps are taken to be normal and independent.
    package var spread: Double
    /// What is sent during the backward pass, in the order in which it is written; empty where nothing is.
    package var early: [EarlyGradient]

    package struct GrainCost: Codable, Sendable {
        package var grains: Int
        package var microseconds: Double

        package init(grains: Int, microseconds: Double) {
            self.grains = grains
            self.microseconds = microseconds
        }
    }

    /// A part of the gradient that is written before the backward pass is over.
    package struct EarlyGradient: Codable, Sendable, Equatable {
        /// Of the parameters.
        package var share: Double
        /// Of forward and backward, what is still to come when it is written.
        package var computeLeft: Double

        package init(share: Double, computeLeft: Double) { (self.share, self.computeLeft) = (share, computeLeft) }
    }

    package struct Prediction: Codable, Sendable {
        package var workers: Int
        package var hosts: Int
        package var samples: Int
        /// Microseconds of a step's parts.
        package var compute, update, memory, link, stragglers: Double
        /// What `link` would be longer without overlap.
        package var overlapped: Double
        /// Bytes that the busiest host sends.
        package var hostPayloadBytes: Double
        /// The same step with `MPI_Allreduce` between hosts, whose sums depend on the number of workers.
        package var plainMicroseconds: Double

        package var microseconds: Double { compute + update + memory + link + stragglers }
        package var samplesPerSecond: Double { Double(samples) / microseconds * 1e6 }
        package var plainSamplesPerSecond: Double { Double(samples) / plainMicroseconds * 1e6 }
    }

    package init(
        grainCount: Int, grainSize: Int, parameters: Int, compute: [GrainCost], update: Double, memory: CostLine,
        link: CostLine, perMessage: Double, spread: Double, early: [EarlyGradient] = []
    ) {
        precondition(
            grainCount > 0 && !compute.isEmpty, "ScalingModel: \(grainCount) grains, \(compute.count) costs")
        self.grainCount = grainCount
        self.grainSize = grainSize
        self.parameters = parameters
        self.compute = compute.sorted { $0.grains < $1.grains }
        self.update = update
        self.memory = memory
        self.link = link
        self.perMessage = perMessage
        self.spread = spread
        self.early = early
    }

    /// - Parameters:
    ///   - grainCount: Instead of the model's: batches of another size.
    ///   - hosts: Workers of each, neighbours; the sum is the number of workers.
    package func predict(hosts: [Int], grainCount: Int? = nil) -> Prediction {
        let grainCount = grainCount ?? self.grainCount
        let workers = hosts.reduce(0, +)
        let bytes = Double(parameters) * 4
        let own = computeMicroseconds((grainCount + workers - 1) / workers)
        let update = self.update / Double(workers)
        let isShared = hosts.contains { $0 > 1 }
        // A host's worker sums what other hosts need, and takes their parameters.
        let memory = isShared ? self.memory.microseconds(bytes) : 0

        let payload = Self.payload(hosts: hosts, grainCount: grainCount, parameterBytes: bytes)
        var (linkTime, plainLink, overlapped) = (0.0, 0.0, 0.0)
        if hosts.count > 1 {
            let messages = Double(hosts.count - 1)
            overlapped = self.overlapped(gradient: payload.gradient * link.perByte, compute: own)
            linkTime =
                2 * (link.latency + (messages - 1) * perMessage)
                + (payload.gradient + payload.parameters) * link.perByte - overlapped
            // A ring over the workers: its latency by rank, or halving and doubling, whichever is faster.
            let doublings = Double(Int.bitWidth - (workers - 1).leadingZeroBitCount)
            let ringBytes = 2 * bytes * messages / Double(hosts.count) * link.perByte
            plainLink =
                min(2 * Double(workers - 1) * perMessage + 2 * link.latency, 2 * doublings * link.latency)
                + ringBytes
        }
        let stragglers = (own + update) * spread * Self.expectedMaximum(workers)
        return Prediction(
            workers: workers, hosts: hosts.count, samples: grainCount * grainSize, compute: own, update: update,
            memory: memory, link: linkTime, stragglers: stragglers, overlapped: overlapped,
            hostPayloadBytes: payload.gradient + payload.parameters,
            // Each worker updates all parameters.
            plainMicroseconds: own + self.update + memory + plainLink + stragglers)
    }

    /// Microseconds of the link that the backward pass hides: a part is sent when it is written and those before are through, the
    /// rest when backward is over.
    private func overlapped(gradient: Double, compute: Double) -> Double {
        var (end, rest) = (-Double.infinity, 1.0)
        for part in early {
            end = max(end, -part.computeLeft * compute) + part.share * gradient
            rest -= part.share
        }
        return gradient - (max(end, 0) + rest * gradient)
    }

    /// Between measured numbers of grains, and beyond the last one, on a straight line.
    package func computeMicroseconds(_ grains: Int) -> Double {
        guard compute.count > 1 else { return compute[0].microseconds * Double(grains) / Double(compute[0].grains) }
        let upper = compute.firstIndex { $0.grains >= grains } ?? compute.count - 1
        let (a, b) = (compute[max(upper - 1, 0)], compute[max(upper, 1)])
        let slope = (b.microseconds - a.microseconds) / Double(b.grains - a.grains)
        return max(a.microseconds + slope * Double(grains - a.grains), 0)
    }

    /// Bytes that the busiest host sends: for each subtree of the canonical tree that is whole in its grains, the other hosts' share
    /// of the gradient, and its own share of the parameters to each of them.
    package static func payload(
        hosts: [Int], grainCount: Int, parameterBytes: Double
    ) -> (gradient: Double, parameters: Double) {
        guard hosts.count > 1 else { return (0, 0) }
        let workers = hosts.reduce(0, +)
        let partition = GrainPartition(sampleCount: grainCount, grainSize: 1)
        var first = 0
        var most = (gradient: 0.0, parameters: 0.0)
        for count in hosts {
            let run =
                partition.grains(of: first, size: workers)
                .lowerBound..<partition.grains(
                    of: first + count - 1, size: workers
                ).upperBound
            let subtrees = Double(CanonicalTree.maximalNodes(in: run, grainCount: grainCount).count)
            let share = Double(count) / Double(workers)
            let sent = (parameterBytes * subtrees * (1 - share), parameterBytes * share * Double(hosts.count - 1))
            if sent.0 + sent.1 > most.gradient + most.parameters { most = sent }
            first += count
        }
        return most
    }

    /// How many standard deviations the largest of `count` normal values lies above the mean, on average: the normal quantile of
    /// (count − 0.375) / (count + 0.25) (Blom 1958), by Abramowitz and Stegun's formula 26.2.23, which errs by 0.00045 at most.
    package static func expectedMaximum(_ count: Int) -> Double {
        guard count > 1 else { return 0 }
        let t = (-2 * ScalarMath.naturalLogarithm(0.625 / (Double(count) + 0.25))).squareRoot()
        let numerator = 2.515517 + t * (0.802853 + t * 0.010328)
        return t - numerator / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
    }
}
